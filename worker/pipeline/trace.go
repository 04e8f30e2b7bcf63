package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/leat-project/leat/connect"
)

// Trace returns an error in the form of Java's printStackTrace: class and message,
// then one "Caused by" line a cause. A panic adds its Go stack in place of Java's
// frames.
func Trace(err error) string {
	var b strings.Builder
	prefix := ""
	for e := err; e != nil; e = cause(e) {
		b.WriteString(prefix)
		b.WriteString(connect.ClassOf(e))
		if msg := message(e); msg != "" {
			b.WriteString(": " + msg)
		}
		b.WriteByte('\n')
		if p, ok := e.(*Panic); ok {
			b.WriteString(p.frames())
		}
		prefix = "Caused by: "
	}
	return b.String()
}

// message is Java's getMessage of one link of the chain.
func message(err error) string {
	if connect.ClassOf(err) == connect.ClassRetriable {
		// The mark of connect.Retriable wraps the error that carries the text.
		var e *connect.Error
		if errors.As(err, &e) && e.Class != connect.ClassRetriable {
			return err.Error()
		}
	}
	return connect.MessageOf(err)
}

// cause returns the next error below err that Java would show: one that has a
// class of its own. Go wrappers in between have their text in the one above.
func cause(err error) error {
	e, ok := err.(*connect.Error)
	if !ok {
		return nextClassed(errors.Unwrap(err))
	}
	if e.Cause == nil {
		return nil
	}
	// A cause that is no exception of ours still has a text worth a line,
	// unless the message above has it already.
	if next := nextClassed(e.Cause); next != nil {
		return next
	}
	if !strings.Contains(e.Msg, e.Cause.Error()) {
		return e.Cause
	}
	return nil
}

func nextClassed(err error) error {
	for ; err != nil; err = errors.Unwrap(err) {
		switch err.(type) {
		case *connect.Error, *Panic:
			return err
		}
	}
	return nil
}

// Panic is a panic of a plugin as an error.
type Panic struct {
	Value any
	Stack []byte
}

// NewPanic makes an error of a recovered value; call it in the deferred function
// itself.
func NewPanic(v any) error {
	p := &Panic{Value: v, Stack: debug.Stack()}
	class := "java.lang.RuntimeException"
	if err, ok := v.(error); ok && strings.Contains(err.Error(), "nil pointer dereference") {
		class = connect.ClassNullPointer
	}
	return connect.Cause(class, fmt.Sprintf("panic: %v", v), p)
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// frames renders the Go stack below the panic in Java's form.
func (p *Panic) frames() string {
	lines := bytes.Split(p.Stack, []byte("\n"))
	var b strings.Builder
	for i := 1; i+1 < len(lines) && b.Len() < 8000; i += 2 {
		fn, at := string(lines[i]), strings.TrimSpace(string(lines[i+1]))
		if strings.HasPrefix(fn, "runtime") || strings.Contains(fn, "pipeline.NewPanic") || at == "" {
			continue
		}
		if j := strings.LastIndexByte(fn, '('); j > 0 {
			fn = fn[:j]
		}
		at, _, _ = strings.Cut(at, " +0x")
		at = at[strings.LastIndexByte(at, '/')+1:]
		fmt.Fprintf(&b, "\tat %s(%s)\n", fn, at)
	}
	return b.String()
}
