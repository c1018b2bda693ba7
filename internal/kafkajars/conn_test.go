package kafkajars

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/wire"
)

// answering is a node that answers every request with the same bytes after the correlation id. It reports the headers of
// the requests.
func answering(t *testing.T, response []byte) (addr string, seen chan Header) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	seen = make(chan Header, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					frame, err := readFrame(c)
					if err != nil {
						return
					}
					seen <- headerOf(frame)
					answer := append(append([]byte{}, frame[4:8]...), response...)
					if _, err := c.Write(append([]byte{0, 0, 0, byte(len(answer))}, answer...)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String(), seen
}

// A flexible response header has tagged fields, which Do must skip, known or not.
func TestDoSkipsTagsOfTheHeader(t *testing.T) {
	want := kmsg.NewPtrListOffsetsResponse()
	want.SetVersion(7)
	want.ThrottleMillis = 5
	for _, tags := range [][]byte{{0}, {1, 9, 2, 'x', 'y'}} {
		addr, _ := answering(t, want.AppendTo(slices.Clone(tags)))
		c, err := Dial(addr, "me")
		if err != nil {
			t.Fatal(err)
		}
		r := kmsg.NewPtrListOffsetsRequest()
		r.SetVersion(7)
		got, err := c.Do(r, time.Minute)
		if err != nil || got.(*kmsg.ListOffsetsResponse).ThrottleMillis != 5 {
			t.Errorf("tags %v: response %+v, error %v", tags, got, err)
		}
		c.Close()
	}
	for _, bad := range [][]byte{{}, {1}, {1, 9}, {1, 9, 3, 'x'}} {
		if _, err := skipTags(bad); err == nil {
			t.Errorf("tags %v were skipped", bad)
		}
	}
}

// A held request waits in the proxy; requests of other clients pass; Release forwards it.
func TestProxyHoldsTheRequestsOfOneClient(t *testing.T) {
	addr, seen := answering(t, []byte{0})
	p, err := NewProxy("127.0.0.1:0", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	arrived := make(chan struct{}, 16)
	p.Hold(func(h Header) bool {
		held := h.Client == "broker-2-fetcher-0" && h.Key == int16(kmsg.Fetch)
		if held {
			arrived <- struct{}{}
		}
		return held
	})
	answered := make(chan error, 2)
	send := func(client string, r kmsg.Request) {
		c, err := Dial(p.listener.Addr().String(), client)
		if err != nil {
			answered <- err
			return
		}
		defer c.Close()
		_, err = c.Send(r, time.Minute)
		answered <- err
	}
	go send("broker-2-fetcher-0", kmsg.NewPtrFetchRequest())
	go send("broker-3-fetcher-0", kmsg.NewPtrFetchRequest())
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if h := <-seen; h.Client != "broker-3-fetcher-0" {
		t.Errorf("the node got %+v although it is held", h)
	}
	<-arrived
	p.Release()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if h := <-seen; h.Client != "broker-2-fetcher-0" || h.Key != int16(kmsg.Fetch) {
		t.Errorf("after the release the node got %+v", h)
	}
}

// A batch that Batch encodes is read back by values, and has the offsets that the broker gave it.
func TestBatchIsReadBack(t *testing.T) {
	b := Batch(time.UnixMilli(1_700_000_000_000), "a", "bc")
	if err := wire.Batch(b).Validate(); err != nil {
		t.Error(err)
	}
	b[7] = 5                                 // the base offset
	got, err := values(append(b, b[:20]...)) // with the beginning of another batch
	if err != nil || !slices.Equal(got, []Value{{5, "a"}, {6, "bc"}}) {
		t.Errorf("values %v, error %v", got, err)
	}
}
