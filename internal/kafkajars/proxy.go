package kafkajars

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
)

// Proxy is a TCP proxy in front of one node. It can hold requests. A held request does not reach the node until it is
// released, and the later requests of its connection wait for it. The proxy never closes a connection by itself, so that
// neither side learns that a request is held.
type Proxy struct {
	listener net.Listener
	target   string // the node's own listener

	mu    sync.Mutex
	moved *sync.Cond
	hold  func(Header) bool
}

// Header is the beginning of a request.
type Header struct {
	Key, Version int16
	Client       string // the client id, such as broker-2-fetcher-0, raft-client-2, or 2 for a broker's heartbeats
}

// NewProxy listens on an address and forwards to another.
func NewProxy(listen, target string) (*Proxy, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, target: target}
	p.moved = sync.NewCond(&p.mu)
	go p.serve()
	return p, nil
}

// Hold makes the proxy hold the requests that match, until Release. It replaces an earlier Hold.
func (p *Proxy) Hold(matches func(Header) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = matches
	p.moved.Broadcast()
}

// Release forwards the held requests, and holds no more.
func (p *Proxy) Release() { p.Hold(nil) }

// Close ends the proxy. Its open connections last until the node closes them.
func (p *Proxy) Close() error {
	p.Release()
	return p.listener.Close()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(client)
	}
}

// forward copies the data of one connection: requests frame by frame, and responses as they come.
func (p *Proxy) forward(client net.Conn) {
	defer client.Close()
	node, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer node.Close()
	go func() {
		_, _ = io.Copy(client, node)
		client.Close() // the node has closed the connection
	}()
	for {
		frame, err := readFrame(client)
		if err != nil {
			return
		}
		p.wait(headerOf(frame))
		if _, err := node.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
			return
		}
	}
}

// wait waits until the request is not held.
func (p *Proxy) wait(h Header) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.hold != nil && p.hold(h) {
		p.moved.Wait()
	}
}

// headerOf reads the header of a request. In all versions of the header that have a client id, it follows the correlation
// id.
func headerOf(frame []byte) (h Header) {
	if len(frame) < 8 {
		return h
	}
	h.Key, h.Version = int16(binary.BigEndian.Uint16(frame)), int16(binary.BigEndian.Uint16(frame[2:]))
	if len(frame) < 10 {
		return h
	}
	if n := int16(binary.BigEndian.Uint16(frame[8:])); n > 0 && len(frame) >= 10+int(n) {
		h.Client = string(frame[10 : 10+n])
	}
	return h
}
