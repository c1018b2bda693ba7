package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// On a connection every message is a frame. A frame consists of its size, a header, and the body, which package kmsg
// encodes.
//
//	request   size i32 | key i16 | version i16 | correlation i32 | client id, nullable | tags | body
//	                   '---------------- header v0 -------------'
//	                   '------------------------ header v1 ---------------------------'
//	                   '---------------------------- header v2 ----------------------------'
//	response  size i32 | correlation i32 | tags | body
//	                   '-- header v0 ---'
//	                   '------ header v1 -------'
//
// The header does not contain its own version. Client and broker derive the version of the header from the key and
// version of the body. If the body has compact lengths and tags (KIP-482), a request has header v2 and a response has
// header v1. Otherwise a request has header v1 and a response has header v0. There are two exceptions. A response to
// ApiVersions always has header v0, because the client that reads it does not yet know which versions the broker
// supports (KIP-511). ControlledShutdown version 0 has no client id.

// MaxFrameSize is the largest frame that a broker reads, in bytes (the default of socket.request.max.bytes).
const MaxFrameSize = 100 << 20

const (
	keyControlledShutdown = 7
	keyAPIVersions        = 18
)

// RequestHeader is the header of a request.
type RequestHeader struct {
	Key         int16 // Kafka api key
	Version     int16 // of the body
	Correlation int32 // copied into the response
	ClientID    string
}

// UnsupportedError means that the key or version of a request is unknown here. If the request is ApiVersions in an
// unknown version, a broker responds in version 0. For any other unsupported request, Kafka closes the connection.
type UnsupportedError struct {
	Key, Version int16
	Max          int16 // the highest known version, or -1 for an unknown key
}

// Error returns the key and the version.
func (e *UnsupportedError) Error() string {
	if e.Max < 0 {
		return fmt.Sprintf("api key %d is not known", e.Key)
	}
	return fmt.Sprintf("%s has versions 0 to %d, not %d", kmsg.NameForKey(e.Key), e.Max, e.Version)
}

// Unwrap returns Kafka's error: UNSUPPORTED_VERSION, or INVALID_REQUEST for an unknown key.
func (e *UnsupportedError) Unwrap() error {
	if e.Max < 0 {
		return kerr.InvalidRequest
	}
	return kerr.UnsupportedVersion
}

// FrameError means that a frame is malformed: its size is impossible, or its content does not match its header. Kafka
// closes the connection then.
type FrameError struct {
	What         string
	Key, Version int16 // 0 if not known
	Got, Want    int64
	Cause        error // the error of the body's decoder, or nil
}

// Error describes the defect.
func (e *FrameError) Error() string {
	name := "frame"
	if e.Key != 0 || e.Version != 0 {
		name = fmt.Sprintf("frame of %s version %d", kmsg.NameForKey(e.Key), e.Version)
	}
	if e.Cause != nil {
		return fmt.Sprintf("%s: body of %d bytes: %v", name, e.Got, e.Cause)
	}
	return fmt.Sprintf("%s: %s is %d, want %d", name, e.What, e.Got, e.Want)
}

// Unwrap returns Kafka's error, INVALID_REQUEST.
func (e *FrameError) Unwrap() error { return kerr.InvalidRequest }

// ErrShortFrame means that the bytes end inside a frame, and the caller must read more.
var ErrShortFrame = errors.New("bytes end inside a frame")

// NextFrame splits the first frame off b and removes its size. The frame and the rest alias b. The error is
// ErrShortFrame, or a *FrameError if the size is impossible.
func NextFrame(b []byte) (frame, rest []byte, err error) {
	if len(b) < 4 {
		return nil, b, ErrShortFrame
	}
	// The size is checked before the caller reads more bytes. If the peer speaks HTTP or TLS, its first four bytes,
	// read as a size, mean hundreds of megabytes or more.
	n := int32(binary.BigEndian.Uint32(b))
	if n < 0 || n > MaxFrameSize {
		return nil, b, &FrameError{What: "size", Got: int64(n), Want: MaxFrameSize}
	}
	end := 4 + int(n)
	if len(b) < end {
		return nil, b, ErrShortFrame
	}
	return b[4:end:end], b[end:], nil
}

// AppendRequest appends a whole frame. The key and version in the frame are those of req; the key and version in h are
// ignored.
func AppendRequest(dst []byte, h RequestHeader, req kmsg.Request) []byte {
	key, version := req.Key(), req.GetVersion()
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(key))
	dst = binary.BigEndian.AppendUint16(dst, uint16(version))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Correlation))
	headerVersion := requestHeaderVersion(req)
	if headerVersion >= 1 {
		// The client id has a length of two bytes in every version, so that old brokers can read the header of a new
		// client's ApiVersions request.
		id := h.ClientID[:min(len(h.ClientID), math.MaxInt16)]
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(id)))
		dst = append(dst, id...)
	}
	if headerVersion >= 2 {
		dst = append(dst, 0)
	}
	return setSize(req.AppendTo(dst), start)
}

// AppendResponse appends a whole frame. The version of resp must be that of the request, except for ApiVersions.
func AppendResponse(dst []byte, correlation int32, resp kmsg.Response) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(correlation))
	if responseHeaderVersion(resp) >= 1 {
		dst = append(dst, 0)
	}
	return setSize(resp.AppendTo(dst), start)
}

// setSize fills in the size of the frame that begins at dst[start] and ends at the end of dst.
func setSize(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst
}

// ParseRequest decodes a frame without its size. Byte fields of the request alias the frame; strings do not. The error
// is an *UnsupportedError or a *FrameError. After an error, the returned header has the fields that could be read.
//
// kmsg 1.15 has a trap: it reads as many tagged fields as a body claims, even past the end of the body. 18 malicious
// bytes can therefore keep it busy for most of a minute (2^32 iterations). Memory does not grow, and the error in the
// end is correct. This function cannot detect such a body in advance, because that would need the schema of the body.
// Parse only requests of trusted clients.
func ParseRequest(frame []byte) (RequestHeader, kmsg.Request, error) {
	var h RequestHeader
	if len(frame) < 8 {
		return h, nil, &FrameError{What: "header length", Got: int64(len(frame)), Want: 8}
	}
	h.Key = int16(binary.BigEndian.Uint16(frame))
	h.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	h.Correlation = int32(binary.BigEndian.Uint32(frame[4:]))
	body := frame[8:]

	req := kmsg.RequestForKey(h.Key)
	if req == nil {
		return h, nil, &UnsupportedError{h.Key, h.Version, -1}
	}
	// The header is read before the version is checked, because even a broker that does not know a version of
	// ApiVersions reads the header. A request that is flexible in version 3 is flexible in all later versions.
	req.SetVersion(h.Version)
	headerVersion := requestHeaderVersion(req)
	var ok bool
	if headerVersion >= 1 {
		if h.ClientID, body, ok = takeString(body); !ok {
			return h, nil, h.truncated("client id", frame)
		}
	}
	if headerVersion >= 2 {
		if body, ok = skipTags(body); !ok {
			return h, nil, h.truncated("tags", frame)
		}
	}
	if most := req.MaxVersion(); h.Version < 0 || h.Version > most {
		return h, nil, &UnsupportedError{h.Key, h.Version, most}
	}
	if err := req.ReadFrom(body); err != nil {
		return h, nil, &FrameError{What: "body", Key: h.Key, Version: h.Version, Got: int64(len(body)), Cause: err}
	}
	if m, is := req.(*kmsg.MetadataRequest); is && h.Version < 4 {
		m.AllowAutoTopicCreation = true // the schema's default if the version lacks the field; kmsg would leave false
	}
	return h, req, nil
}

// ParseResponse decodes a frame without its size as the response to a request of that key and version. Byte fields of
// the response alias the frame. The version of the response may differ from the requested one: a broker responds to
// ApiVersions with version 0 if it does not know the requested version. The error is an *UnsupportedError or a
// *FrameError.
func ParseResponse(frame []byte, key, version int16) (correlation int32, resp kmsg.Response, err error) {
	resp = kmsg.ResponseForKey(key)
	if resp == nil {
		return 0, nil, &UnsupportedError{key, version, -1}
	}
	if most := resp.MaxVersion(); version < 0 || version > most {
		return 0, nil, &UnsupportedError{key, version, most}
	}
	resp.SetVersion(version)
	h := RequestHeader{Key: key, Version: version}
	if len(frame) < 4 {
		return 0, nil, h.truncated("correlation id", frame)
	}
	correlation = int32(binary.BigEndian.Uint32(frame))
	body := frame[4:]
	if responseHeaderVersion(resp) >= 1 {
		var ok bool
		if body, ok = skipTags(body); !ok {
			return correlation, nil, h.truncated("tags", frame)
		}
	}
	// In every version the body begins with the error code. The Java client instead tries the requested version first;
	// that works only if no body of version 0 can be decoded in a later version.
	if key == keyAPIVersions && len(body) >= 2 && int16(binary.BigEndian.Uint16(body)) == kerr.UnsupportedVersion.Code {
		resp.SetVersion(0)
	}
	if err := resp.ReadFrom(body); err != nil {
		return correlation, nil, &FrameError{What: "body", Key: key, Version: version, Got: int64(len(body)), Cause: err}
	}
	return correlation, resp, nil
}

// truncated returns a *FrameError for a header that ends inside one of its fields.
func (h RequestHeader) truncated(field string, frame []byte) error {
	return &FrameError{What: "length, which ends inside the header's " + field + ",", Key: h.Key, Version: h.Version, Got: int64(len(frame)), Want: int64(len(frame)) + 1}
}

// requestHeaderVersion does the same as Kafka's ApiMessageType.requestHeaderVersion.
func requestHeaderVersion(req kmsg.Request) int {
	switch {
	case req.Key() == keyControlledShutdown && req.GetVersion() == 0:
		return 0
	case req.IsFlexible():
		return 2
	}
	return 1
}

// responseHeaderVersion does the same as Kafka's ApiMessageType.responseHeaderVersion.
func responseHeaderVersion(resp kmsg.Response) int {
	if resp.Key() == keyAPIVersions || !resp.IsFlexible() {
		return 0
	}
	return 1
}

// takeString reads a nullable string with a length of two bytes. It returns "" for null, as Kafka does for a null
// client id.
func takeString(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 2 {
		return "", nil, false
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	b = b[2:]
	if n < 0 {
		return "", b, true
	}
	if n > len(b) {
		return "", nil, false
	}
	return string(b[:n]), b[n:], true
}

// skipTags skips the tagged fields of a header. Kafka has defined no tagged field of a header so far.
func skipTags(b []byte) (rest []byte, ok bool) {
	c := coder{reading: true, in: b}
	for n := c.uvarint(0); n > 0 && c.fault == 0; n-- { // the tags may have any order here; coder.end requires rising tags
		c.uvarint(0)
		c.take(int(c.uvarint(0)))
	}
	return c.in, c.fault == 0
}
