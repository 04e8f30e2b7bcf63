// Package fault pairs a Kafka error code with the text a client shows.
//
// Everything in the broker that a request can run into returns either such an
// error or one that Code does not know, which then is UNKNOWN_SERVER_ERROR.
// The codes themselves are franz-go's kerr values.
package fault

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Error is a protocol error with a message for people. It unwraps to the
// kerr value of its code.
type Error struct {
	Kind    *kerr.Error
	Message string
}

func (e *Error) Error() string { return e.Kind.Message + ": " + e.Message }

// Unwrap makes errors.Is(err, kerr.X) work.
func (e *Error) Unwrap() error { return e.Kind }

// New returns an error of the kind with a formatted message.
func New(kind *kerr.Error, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Code is the protocol's number for err: 0 for nil.
func Code(err error) int16 {
	if err == nil {
		return 0
	}
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return ke.Code
	}
	return kerr.UnknownServerError.Code
}

// Message is the text for the error message fields of responses: nil for nil.
func Message(err error) *string {
	if err == nil {
		return nil
	}
	var fe *Error
	if errors.As(err, &fe) {
		return &fe.Message
	}
	var ke *kerr.Error
	if errors.As(err, &ke) {
		return &ke.Description
	}
	text := err.Error()
	return &text
}
