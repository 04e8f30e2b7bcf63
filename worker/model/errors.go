package model

import "fmt"

// The errors of requests. Their texts are Java's, word for word, and reach the
// user; the REST API maps the kinds to status codes 404, 409, 400 and 409. Any
// other error is a 500.

// NotFoundError says that the connector or task does not exist.
type NotFoundError struct{ Msg string }

func (e *NotFoundError) Error() string { return e.Msg }

// NotFound returns a NotFoundError.
func NotFound(format string, args ...any) error {
	return &NotFoundError{Msg: fmt.Sprintf(format, args...)}
}

// AlreadyExistsError says that a connector of that name exists.
type AlreadyExistsError struct{ Msg string }

func (e *AlreadyExistsError) Error() string { return e.Msg }

// AlreadyExists returns an AlreadyExistsError.
func AlreadyExists(format string, args ...any) error {
	return &AlreadyExistsError{Msg: fmt.Sprintf(format, args...)}
}

// BadRequestError says that the request itself is wrong.
type BadRequestError struct{ Msg string }

func (e *BadRequestError) Error() string { return e.Msg }

// BadRequest returns a BadRequestError.
func BadRequest(format string, args ...any) error {
	return &BadRequestError{Msg: fmt.Sprintf(format, args...)}
}
