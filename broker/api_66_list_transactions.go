package broker

import (
	"context"
	"regexp"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/leat-project/leat/broker/fault"
	"github.com/leat-project/leat/broker/txn"
)

// ListTransactions (66), versions 0-2, filtered by state and producer id; v1
// by duration (KIP-994), v2 by a regular expression over the id (KIP-1152).
// Unknown state names are echoed.

func (b *Broker) listTransactions(ctx context.Context, r *request, req *kmsg.ListTransactionsRequest) kmsg.Response {
	resp := kmsg.NewPtrListTransactionsResponse()
	filter, err := newTxnFilter(req)
	if err != nil {
		resp.ErrorCode = fault.Code(err)
		return resp
	}
	for _, name := range req.StateFilters {
		if !txn.KnownState(name) {
			resp.UnknownStateFilters = append(resp.UnknownStateFilters, name)
		}
	}
	for _, loop := range b.txns.all() {
		list, err := read(ctx, loop, func(_ *tx, s *txn.Shard) []txn.Description { return s.List() })
		if err != nil {
			resp.ErrorCode = fault.Code(err)
			return resp
		}
		for _, d := range list {
			if filter.match(d) {
				st := kmsg.NewListTransactionsResponseTransactionState()
				st.TransactionalID, st.ProducerID, st.TransactionState = d.ID, d.ProducerID, d.State.String()
				resp.TransactionStates = append(resp.TransactionStates, st)
			}
		}
	}
	return resp
}

type txnFilter struct {
	req     *kmsg.ListTransactionsRequest
	pattern *regexp.Regexp
	now     int64
}

func newTxnFilter(req *kmsg.ListTransactionsRequest) (txnFilter, error) {
	f := txnFilter{req: req, now: time.Now().UnixMilli()}
	if req.Version < 2 || req.TransactionalIDPattern == nil || *req.TransactionalIDPattern == "" {
		return f, nil
	}
	var err error
	if f.pattern, err = regexp.Compile("^(?:" + *req.TransactionalIDPattern + ")$"); err != nil {
		return f, kerr.InvalidRegularExpression
	}
	return f, nil
}

func (f txnFilter) match(d txn.Description) bool {
	switch {
	case len(f.req.StateFilters) > 0 && !slices.Contains(f.req.StateFilters, d.State.String()),
		len(f.req.ProducerIDFilters) > 0 && !slices.Contains(f.req.ProducerIDFilters, d.ProducerID),
		f.req.Version >= 1 && f.req.DurationFilterMillis >= 0 && (d.Start < 0 || f.now-d.Start < f.req.DurationFilterMillis),
		f.pattern != nil && !f.pattern.MatchString(d.ID):
		return false
	}
	return true
}
