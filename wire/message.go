package wire

import "strconv"

// Kafka generates the classes of its messages from schemas. Package kmsg has the requests and responses. The messages
// in logs are here; one method of each message both reads and writes it (coder.go):
//
//	metadata.go       records of the metadata log      a value: frame, key, version, body
//	coordinator.go    records of __consumer_offsets    a key: type, body; a value: version, body
//	                  and of __transaction_state
//	control.go        control records of KRaft         a value: body, of which the version is a field

// MessageFault is a reason why bytes are not a valid message.
type MessageFault uint8

const (
	FaultFrame     MessageFault = iota + 1 // the frame version is not 1
	FaultKey                               // an unknown kind of record
	FaultVersion                           // an unknown version of a known kind
	FaultTruncated                         // a field needs more bytes than there are
	FaultLength                            // a length is impossible
	FaultNull                              // a field is null but the schema does not allow it
	FaultTags                              // tagged fields are out of order, or longer than their content
	FaultGarbage                           // there are bytes after the message
)

// String returns the fault in words.
func (f MessageFault) String() string {
	switch f {
	case FaultFrame:
		return "unknown frame version"
	case FaultKey:
		return "unknown record key"
	case FaultVersion:
		return "unknown record version"
	case FaultTruncated:
		return "a field is cut off"
	case FaultLength:
		return "impossible length"
	case FaultNull:
		return "null in a field that cannot be null"
	case FaultTags:
		return "broken tagged fields"
	case FaultGarbage:
		return "bytes after the end"
	}
	return "no fault"
}

// MessageError is the reason why bytes are not a valid message. FaultKey and FaultVersion mean that a newer version of
// Kafka wrote the bytes; every other fault means that the bytes are corrupt.
type MessageError struct {
	Kind    string // for example "metadata record" or "group record"
	Name    string // Kafka's name of the message, "" if the key is unknown
	Fault   MessageFault
	Key     int16 // api key or record type, -1 if it could not be read
	Version int16 // -1 if it could not be read
}

// Error names the message, its version and the fault.
func (e *MessageError) Error() string {
	name := e.Name
	if name == "" {
		name = "key " + decimal(e.Key)
	}
	return e.Kind + " " + name + " version " + decimal(e.Version) + ": " + e.Fault.String()
}

func decimal[T ~int | ~int16](n T) string { return strconv.FormatInt(int64(n), 10) }
