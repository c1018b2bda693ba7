package wire

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"
)

// String returns the id as Kafka prints and stores it: 22 characters of URL-safe base64.
func (id UUID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseUUID parses an id in the format of String.
func ParseUUID(s string) (id UUID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimSuffix(s, "=="))
	if err != nil || len(b) != len(id) {
		return UUID{}, false
	}
	return UUID(b), true
}

// QuorumStateFile is the name of the quorum's file in the directory of the metadata partition.
const QuorumStateFile = "quorum-state"

// QuorumState is the election state that a KRaft node stores on its disk: its epoch, the leader of that epoch, and the
// candidate that it voted for. The node must make this state durable before it sends any message that depends on it
// (KIP-595).
//
// Version 0 belongs to kraft.version 0, where the voters are static and a vote names the id of the candidate. Kafka
// writes all fields of version 0 but reads only LeaderID, LeaderEpoch and VotedID. Version 1 belongs to kraft.version
// 1, where a vote names the id and the directory of the candidate (KIP-853).
type QuorumState struct {
	Version          int16
	LeaderID         NodeID // NoNode if not known
	LeaderEpoch      Epoch
	VotedID          NodeID // NoNode if there was no vote in this epoch
	VotedDirectoryID UUID   // version 1; zero if not known

	ClusterID     string   // version 0; Kafka writes ""
	AppliedOffset Offset   // version 0; Kafka writes 0
	CurrentVoters []NodeID // version 0: the static voters; nil means null, which Kafka never writes
}

// AppendQuorumState appends the content of the file: one line of JSON without a line feed, byte for byte as Kafka's
// FileQuorumStateStore writes it. Only versions 0 and 1 exist.
func AppendQuorumState(dst []byte, q QuorumState) []byte {
	number := func(name string, n int64) {
		dst = append(dst, '"')
		dst = append(dst, name...)
		dst = append(dst, `":`...)
		dst = strconv.AppendInt(dst, n, 10)
	}
	more := func() { dst = append(dst, ',') }

	dst = append(dst, '{')
	switch q.Version {
	case 0:
		dst = appendJSONString(append(dst, `"clusterId":`...), q.ClusterID)
		more()
	case 1:
	default:
		panic("wire: no version " + decimal(q.Version) + " of quorum-state, the newest is 1")
	}
	number("leaderId", int64(q.LeaderID))
	more()
	number("leaderEpoch", int64(q.LeaderEpoch))
	more()
	number("votedId", int64(q.VotedID))
	more()
	if q.Version == 0 {
		number("appliedOffset", int64(q.AppliedOffset))
		dst = append(dst, `,"currentVoters":`...)
		dst = appendVoters(dst, q.CurrentVoters)
	} else {
		dst = appendJSONString(append(dst, `"votedDirectoryId":`...), q.VotedDirectoryID.String())
	}
	more()
	number("data_version", int64(q.Version))
	return append(dst, '}')
}

func appendVoters(dst []byte, voters []NodeID) []byte {
	if voters == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i, v := range voters {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, `{"voterId":`...), int64(v), 10)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendJSONString quotes a string like Jackson, which escapes only the quote, the backslash and control characters.
func appendJSONString(dst []byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ':
			dst = append(dst, c)
		default:
			if k := strings.IndexByte("\b\t\n\f\r", c); k >= 0 {
				dst = append(dst, '\\', "btnfr"[k])
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
	}
	return append(dst, '"')
}

// QuorumStateError is the reason why bytes are not a valid quorum-state file. A Kafka node with an invalid file does
// not start.
type QuorumStateError struct {
	Field string // "" if the error is not in a single field
	Why   string
}

// Error returns the field, if the error is in a single one, and the reason.
func (e *QuorumStateError) Error() string {
	if e.Field == "" {
		return "quorum-state: " + e.Why
	}
	return "quorum-state: " + e.Field + " " + e.Why
}

// ParseQuorumState reads the file's content. Like Kafka it reads only the first line, accepts the fields in any order,
// requires every field that the file's version has, and ignores other fields. Errors are *QuorumStateError.
func ParseQuorumState(b []byte) (QuorumState, error) {
	line := string(b)
	if end := strings.IndexAny(line, "\r\n"); end >= 0 {
		line = line[:end]
	}
	j := jsonReader{rest: line}
	f := quorumFields{object: j.value(0)}
	j.space()
	if j.bad || j.rest != "" || f.object.kind != '{' {
		return QuorumState{}, &QuorumStateError{Why: "the first line is not an object of JSON"}
	}
	q := QuorumState{Version: int16(f.integer("data_version", 16))}
	if f.wrong == nil && (q.Version < 0 || q.Version > 1) {
		f.fail("data_version", "is "+decimal(q.Version)+", only 0 and 1 are known")
	}
	q.LeaderID = NodeID(f.integer("leaderId", 32))
	q.LeaderEpoch = Epoch(f.integer("leaderEpoch", 32))
	q.VotedID = NodeID(f.integer("votedId", 32))
	if q.Version == 0 {
		q.ClusterID = f.text("clusterId")
		q.AppliedOffset = Offset(f.integer("appliedOffset", 64))
		q.CurrentVoters = f.voters("currentVoters")
	} else {
		s := f.text("votedDirectoryId")
		id, ok := ParseUUID(s)
		if q.VotedDirectoryID = id; !ok {
			f.fail("votedDirectoryId", "is "+strconv.Quote(s)+", not an id")
		}
	}
	if f.wrong != nil {
		return QuorumState{}, f.wrong
	}
	return q, nil
}

// quorumFields reads the fields of the JSON object in the file. It keeps the first error.
type quorumFields struct {
	object jsonValue
	wrong  error
}

func (f *quorumFields) fail(field, why string) {
	if f.wrong == nil {
		f.wrong = &QuorumStateError{Field: field, Why: why}
	}
}

// member returns the member with this name. If there are several, it returns the last one. A missing member is an error
// and gets no default, because a voter that lost its vote could vote twice.
func (f *quorumFields) member(in jsonValue, name string, kinds string) jsonValue {
	for i := len(in.list) - 1; i >= 0; i-- {
		if v := in.list[i]; v.name == name {
			if strings.IndexByte(kinds, v.kind) < 0 {
				f.fail(name, "is of the wrong type")
			}
			return v
		}
	}
	f.fail(name, "is missing")
	return jsonValue{}
}

func (f *quorumFields) text(name string) string { return f.member(f.object, name, `"`).text }

func (f *quorumFields) integer(name string, bits int) int64 { return f.integerOf(f.object, name, bits) }

func (f *quorumFields) integerOf(in jsonValue, name string, bits int) int64 {
	v := f.member(in, name, "0")
	n, err := strconv.ParseInt(v.text, 10, bits)
	if err != nil {
		f.fail(name, "is "+strconv.Quote(v.text)+", not an integer of "+decimal(bits)+" bits")
	}
	return n
}

func (f *quorumFields) voters(name string) []NodeID {
	list := f.member(f.object, name, "[n")
	if list.kind == 'n' {
		return nil
	}
	voters := make([]NodeID, len(list.list))
	for i, v := range list.list {
		voters[i] = NodeID(f.integerOf(v, "voterId", 32))
	}
	return voters
}

// The rest of this file reads the subset of JSON that the file needs. The standard library's reader uses reflection and
// ignores the case of names; a vote must not be read so leniently.

// jsonValue is one value of a JSON text.
type jsonValue struct {
	kind byte        // '{', '[', '"', '0' for a number, 't', 'f', 'n' for null, 0 for none
	text string      // the text of a string or number
	name string      // the name, if the value is a member of an object
	list []jsonValue // the members of an object or the elements of an array
}

// jsonReader reads the JSON of one small file. Once bad is set, it stays set.
type jsonReader struct {
	rest string
	bad  bool
}

// maxJSONDepth is far greater than the depth of any version of the file.
const maxJSONDepth = 8

// space skips spaces between two tokens of one line.
func (j *jsonReader) space() { j.rest = strings.TrimLeft(j.rest, " \t") }

// next consumes c if the input continues with it.
func (j *jsonReader) next(c string) bool {
	j.space()
	rest, ok := strings.CutPrefix(j.rest, c)
	j.rest = rest
	return ok
}

// value reads one value and everything inside it. It keeps a number as text.
func (j *jsonReader) value(depth int) (v jsonValue) {
	j.space()
	switch {
	case depth > maxJSONDepth:
		j.bad = true
	case j.next("{"):
		v.kind = '{'
		v.list = j.members("}", func() (m jsonValue) {
			if !j.next(`"`) {
				j.bad = true
				return m
			}
			name := j.quoted()
			j.bad = j.bad || !j.next(":")
			m = j.value(depth + 1)
			m.name = name
			return m
		})
	case j.next("["):
		v.kind = '['
		v.list = j.members("]", func() jsonValue { return j.value(depth + 1) })
	case j.next(`"`):
		v.kind, v.text = '"', j.quoted()
	case j.next("true"):
		v.kind = 't'
	case j.next("false"):
		v.kind = 'f'
	case j.next("null"):
		v.kind = 'n'
	default:
		n := len(j.rest) - len(strings.TrimLeft(j.rest, "+-0123456789.eE"))
		v.kind, v.text = '0', j.rest[:n]
		j.rest = j.rest[n:]
		j.bad = j.bad || n == 0
	}
	return v
}

// members reads a list up to its closing bracket.
func (j *jsonReader) members(closing string, one func() jsonValue) (list []jsonValue) {
	if j.next(closing) {
		return nil
	}
	for !j.bad {
		list = append(list, one())
		if j.next(closing) {
			return list
		}
		j.bad = j.bad || !j.next(",")
	}
	return nil
}

// quoted reads a string after its opening quote.
func (j *jsonReader) quoted() string {
	var s []byte
	for !j.bad && j.rest != "" && j.rest[0] >= ' ' {
		c := j.rest[0]
		j.rest = j.rest[1:]
		switch c {
		case '"':
			return string(s)
		case '\\':
			s = j.escape(s)
		default:
			s = append(s, c)
		}
	}
	j.bad = true
	return ""
}

// escape reads the characters after a backslash. Half of a surrogate pair becomes U+FFFD; no id of Kafka contains one.
func (j *jsonReader) escape(s []byte) []byte {
	if len(j.rest) > 0 {
		if k := strings.IndexByte(`btnfr"\/`, j.rest[0]); k >= 0 {
			j.rest = j.rest[1:]
			return append(s, "\b\t\n\f\r\"\\/"[k])
		}
	}
	if len(j.rest) > 4 && j.rest[0] == 'u' {
		if n, err := strconv.ParseUint(j.rest[1:5], 16, 16); err == nil {
			j.rest = j.rest[5:]
			return utf8.AppendRune(s, rune(n))
		}
	}
	j.bad = true
	return s
}
