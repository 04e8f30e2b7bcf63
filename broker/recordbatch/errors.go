package recordbatch

import "fmt"

// Kind says what is wrong with a batch, one kind for each Kafka error code that clients tell apart.
type Kind int8

// The kinds, with the Kafka error each stands for.
const (
	KindUnknown            Kind = iota
	Corrupt                     // CORRUPT_MESSAGE (2)
	InvalidRecord               // INVALID_RECORD (87)
	InvalidTimestamp            // INVALID_TIMESTAMP (32)
	MessageTooLarge             // MESSAGE_TOO_LARGE (10)
	RecordListTooLarge          // RECORD_LIST_TOO_LARGE (18)
	UnsupportedCompression      // UNSUPPORTED_COMPRESSION_TYPE (76)
)

// String returns the name of the Kafka error.
func (k Kind) String() string {
	switch k {
	case Corrupt:
		return "CORRUPT_MESSAGE"
	case InvalidRecord:
		return "INVALID_RECORD"
	case InvalidTimestamp:
		return "INVALID_TIMESTAMP"
	case MessageTooLarge:
		return "MESSAGE_TOO_LARGE"
	case RecordListTooLarge:
		return "RECORD_LIST_TOO_LARGE"
	case UnsupportedCompression:
		return "UNSUPPORTED_COMPRESSION_TYPE"
	case KindUnknown:
	}
	return "UNKNOWN_SERVER_ERROR"
}

// Error is a refused or damaged batch.
type Error struct {
	Kind Kind
	Msg  string
	// Records names the bad records, in order, when single records are to blame: the recordErrors of a
	// Produce response. Empty otherwise.
	Records []RecordError
}

// RecordError is one bad record.
type RecordError struct {
	Index int32 // position in the batch, from 0
	Msg   string
}

func (e *Error) Error() string { return e.Msg }

func corruptf(format string, args ...any) error {
	return &Error{Kind: Corrupt, Msg: fmt.Sprintf(format, args...)}
}

func invalidf(format string, args ...any) error {
	return &Error{Kind: InvalidRecord, Msg: fmt.Sprintf(format, args...)}
}
