package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/leat-project/leat/connect/config"
)

// Java's exception classes, by which users and dead letter headers know errors.
const (
	ClassConnect       = "org.apache.kafka.connect.errors.ConnectException"
	ClassData          = "org.apache.kafka.connect.errors.DataException"
	ClassRetriable     = "org.apache.kafka.connect.errors.RetriableException"
	ClassSchemaBuilder = "org.apache.kafka.connect.errors.SchemaBuilderException"
	ClassSchemaProject = "org.apache.kafka.connect.errors.SchemaProjectorException"
	ClassConfig        = "org.apache.kafka.common.config.ConfigException"
	ClassSerialization = "org.apache.kafka.common.errors.SerializationException"
	ClassIllegalArg    = "java.lang.IllegalArgumentException"
	ClassIllegalState  = "java.lang.IllegalStateException"
	ClassCast          = "java.lang.ClassCastException"
	ClassNullPointer   = "java.lang.NullPointerException"
)

// Error is an error that Java would throw as an exception of a certain class.
// Its text is contract where users see it.
type Error struct {
	Class string // full Java class name
	Msg   string // getMessage; "" for Java's null message
	Cause error  // getCause, nil if none
	// inline: Msg already holds the text of Cause.
	inline bool
}

func (e *Error) Error() string {
	switch {
	case e.Cause == nil || e.inline:
		return e.Msg
	case e.Msg == "":
		return e.Cause.Error()
	}
	return e.Msg + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error of a class; the operand of a %w verb becomes the cause
// while its text stays where the verb stands.
func Errorf(class, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Class: class, Msg: err.Error(), Cause: errors.Unwrap(err), inline: true}
}

// DataErrorf returns a DataException.
func DataErrorf(format string, args ...any) error { return Errorf(ClassData, format, args...) }

// ConnectErrorf returns a ConnectException.
func ConnectErrorf(format string, args ...any) error { return Errorf(ClassConnect, format, args...) }

// ConfigErrorf returns a ConfigException.
func ConfigErrorf(format string, args ...any) error { return Errorf(ClassConfig, format, args...) }

// Cause wraps err as the cause of a new exception, as Java's (message, cause)
// constructors do.
func Cause(class, msg string, cause error) error {
	return &Error{Class: class, Msg: msg, Cause: cause}
}

// ClassOf returns the Java class name of an error, ClassConnect when it has none.
func ClassOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	var r *retriable
	if errors.As(err, &r) {
		return ClassRetriable
	}
	var c *config.Error
	if errors.As(err, &c) {
		return ClassConfig
	}
	return ClassConnect
}

// MessageOf returns the message that Java's getMessage would give: without the
// texts of the causes.
func MessageOf(err error) string {
	if e, ok := err.(*Error); ok {
		return e.Msg
	}
	return err.Error()
}

type retriable struct{ err error }

func (r *retriable) Error() string { return r.err.Error() }
func (r *retriable) Unwrap() error { return r.err }

// Retriable marks err: the same call may succeed later (RetriableException).
// Retriable(nil) is nil.
func Retriable(err error) error {
	if err == nil {
		return nil
	}
	return &retriable{err}
}

// IsRetriable reports whether err or one of its causes was marked by Retriable, or is
// a RetriableException with another cause than an ended context.
func IsRetriable(err error) bool {
	var r *retriable
	if errors.As(err, &r) {
		return true
	}
	var e *Error
	return errors.As(err, &e) && e.Class == ClassRetriable && !errors.Is(err, context.Canceled)
}
