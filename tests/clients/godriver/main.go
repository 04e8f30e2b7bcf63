// Command godriver drives a broker with the Go clients franz-go and sarama for
// the tests in the folder above, whose package comment describes the lines it
// reads and writes:
//
//	godriver franz-go|sarama HOST:PORT
//
// It is a module of its own, so that the clients it needs are not those of the
// product.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// callTime bounds every operation.
const callTime = 60 * time.Second

// operation carries out one request.
type operation func(ctx context.Context, a *args) (*result, error)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: godriver franz-go|sarama HOST:PORT")
		os.Exit(2)
	}
	var (
		ops map[string]operation
		err error
	)
	switch os.Args[1] {
	case "franz-go":
		ops, err = newFranz(os.Args[2])
	case "sarama":
		ops, err = newSarama(os.Args[2])
	default:
		err = fmt.Errorf("no client %q: franz-go or sarama", os.Args[1])
	}
	if err == nil {
		err = serve(ops)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers requests until the input ends: those of one handle in order,
// handles side by side.
func serve(ops map[string]operation) error {
	var (
		mu     sync.Mutex // guards out
		out    = json.NewEncoder(os.Stdout)
		queues = map[string]chan *request{}
	)
	answer := func(r *request) {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		a := answer{ID: r.ID}
		if op := ops[r.Op]; op == nil {
			a.Error = "this client has no operation " + r.Op
		} else if res, err := op(ctx, &r.Args); err != nil {
			a.Error = r.Op + ": " + err.Error()
		} else {
			a.Result = res
		}
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(&a); err != nil {
			fmt.Fprintln(os.Stderr, "answering:", err)
		}
	}
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return nil // the test is over
		}
		r := &request{}
		if err := json.Unmarshal(line, r); err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		r.Args.On = r.On
		queue := queues[r.On]
		if queue == nil {
			queue = make(chan *request, 100)
			queues[r.On] = queue
			go func() {
				for r := range queue {
					answer(r)
				}
			}()
		}
		queue <- r
	}
}

// handles keeps what requests opened, by the name of their handle.
type handles[T any] struct{ m sync.Map }

func (h *handles[T]) put(name string, v T) { h.m.Store(name, v) }

func (h *handles[T]) get(name string) (v T, err error) {
	x, ok := h.m.Load(name)
	if !ok {
		return v, fmt.Errorf("nothing is open as %q", name)
	}
	return x.(T), nil
}

func (h *handles[T]) take(name string) (T, error) {
	v, err := h.get(name)
	h.m.Delete(name)
	return v, err
}
