package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/leat-project/leat/worker/model"
)

// statusError is an error with a status code of its own.
type statusError struct {
	status int
	msg    string
}

func (e *statusError) Error() string { return e.msg }

// httpError is what JAX-RS answers by itself.
func httpError(status int) error {
	return &statusError{status, fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))}
}

// statusOf maps an error to a status code and a message (ConnectExceptionMapper).
func statusOf(err error) (int, string) {
	var (
		own      *statusError
		notFound *model.NotFoundError
		exists   *model.AlreadyExistsError
		bad      *model.BadRequestError
		large    *http.MaxBytesError
	)
	switch {
	case errors.As(err, &own):
		return own.status, own.msg
	case errors.As(err, &notFound):
		return http.StatusNotFound, notFound.Msg
	case errors.As(err, &exists):
		return http.StatusConflict, exists.Msg
	case errors.As(err, &bad):
		return http.StatusBadRequest, bad.Msg
	case errors.As(err, &large):
		return http.StatusRequestEntityTooLarge, fmt.Sprintf("The request body is larger than %d bytes", large.Limit)
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusInternalServerError, "Request timed out"
	}
	return http.StatusInternalServerError, err.Error()
}

// ErrorBody is the body of every error.
type ErrorBody struct {
	ErrorCode int    `json:"error_code"`
	Message   string `json:"message"`
}

func writeError(w http.ResponseWriter, err error) {
	status, msg := statusOf(err)
	answer{status: status, body: ErrorBody{status, msg}}.write(w)
}
