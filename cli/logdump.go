package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/leat-project/leat/broker/inspect"
)

// corruptError says that files hold what they must not.
type corruptError struct{ problems, files int }

func (e *corruptError) Error() string {
	return fmt.Sprintf("%d problems in %d files; each is shown where it is, as a line that begins with PROBLEM", e.problems, e.files)
}

func dumpCommand(d *Deps) *cobra.Command {
	var opts inspect.Options
	var decoder, output string
	var quiet, bare bool
	c := &cobra.Command{
		Use:   "dump FILE|DIR...",
		Short: "Show and check the files of a log dir",
		Long: "Show what log files hold and check them: .log, .index, .timeindex, .txnindex, .snapshot, leader-epoch-checkpoint,\n" +
			"the checkpoints and properties of a log dir, and .checkpoint snapshots of the metadata, written by this broker or\n" +
			"by Apache Kafka. A folder stands for all files in it and below it. Nothing is changed; a running broker may be\n" +
			"looked at, but its newest bytes may look cut.\n\n" +
			"A problem is shown with file, position and what was expected, and makes the exit code 1.\n" +
			"-o json writes one object a line.",
		Example: "  leat log dump leat-data/orders-0\n  leat log dump -d --print-data-log leat-data/__consumer_offsets-3\n  leat log dump --quiet /var/lib/kafka",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			var err error
			if opts.Decoder, err = decoderByName(decoder); err != nil {
				return err
			}
			p, err := newDumpPrinter(d.Out, output, quiet)
			switch {
			case err != nil:
				return err
			case opts.MaxBytes < 0:
				return usagef("--max-bytes %d: expected a number of bytes, 0: all", opts.MaxBytes)
			case bare && (!opts.Data || p.json != nil):
				return usagef("--skip-record-metadata needs --print-data-log, and a table")
			}
			p.bare = bare
			return p.dump(paths, opts)
		},
	}
	f := c.Flags()
	f.BoolVarP(&opts.Deep, "deep-iteration", "d", false, "the records of each batch, too")
	f.BoolVar(&opts.Data, "print-data-log", false, "keys and values of the records (implies --deep-iteration)")
	f.BoolVar(&bare, "skip-record-metadata", false, "with --print-data-log: of records nothing but key and value, and no control records")
	f.Int64Var(&opts.MaxBytes, "max-bytes", 0, "only the batches in so many first bytes of each .log file, 0: all")
	f.StringVar(&decoder, "decoder", "auto", "how keys and values are read: auto (by the folder's name), raw, offsets, transactions, metadata, share")
	f.BoolVarP(&quiet, "quiet", "q", false, "only check: show problems and nothing else")
	f.StringVarP(&output, "output", "o", "table", "table or json (one object a line)")
	complete(c, "output", "table", "json")
	complete(c, "decoder", decoderNames...)
	return c
}

var decoderNames = []string{"auto", "raw", "offsets", "transactions", "metadata", "share"}

func decoderByName(name string) (inspect.Decoder, error) {
	for i, n := range decoderNames {
		if n == name {
			return inspect.Decoder(i), nil
		}
	}
	return 0, usagef("--decoder %s: expected one of %s", name, strings.Join(decoderNames, ", "))
}

// dumpPrinter shows what files hold as it is read.
type dumpPrinter struct {
	out   *bufio.Writer
	json  *json.Encoder // nil: a table
	quiet bool
	bare  bool // records without their metadata

	kind     string // of the rows in t
	t        table
	problems int
	inFile   bool // the file at hand has problems
	files    int  // with problems
}

func newDumpPrinter(w io.Writer, output string, quiet bool) (*dumpPrinter, error) {
	p := &dumpPrinter{out: bufio.NewWriter(w), quiet: quiet}
	switch output {
	case "table":
	case "json":
		p.json = json.NewEncoder(p.out)
		p.json.SetEscapeHTML(false)
	default:
		return nil, usagef("-o %s: expected table or json", output)
	}
	return p, nil
}

func (p *dumpPrinter) dump(paths []string, opts inspect.Options) error {
	for _, path := range paths {
		files, err := inspect.Walk(path)
		if err != nil {
			return &notFoundError{err.Error()}
		}
		for _, file := range files {
			p.inFile = false
			if err := inspect.File(file, opts, p.item); err != nil {
				return err
			}
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	if err := p.out.Flush(); err != nil {
		return err
	}
	if p.problems > 0 {
		return &corruptError{p.problems, p.files}
	}
	return nil
}

func (p *dumpPrinter) item(item any) error {
	problem, bad := item.(*inspect.Problem)
	if bad {
		p.problems++
		if !p.inFile {
			p.files++
		}
		p.inFile = true
	}
	switch {
	case p.quiet && !bad:
		return nil
	case p.json != nil:
		return p.json.Encode(item)
	case bad:
		if err := p.flush(); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "PROBLEM %s\n", problem.Error())
		return err
	}
	return p.row(item)
}

// maxRows bounds the rows whose columns are aligned with each other, and so
// what is held of a large file.
const maxRows = 500

// row adds an item to the table at hand, which holds items of one kind.
func (p *dumpPrinter) row(item any) error {
	if o, ok := item.(*inspect.Opened); ok {
		if err := p.flush(); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "FILE %s  %s, %d bytes\n", o.Path, o.Kind, o.Size)
		return err
	}
	if r, ok := item.(*inspect.Record); ok {
		if err := p.flushRows(); err != nil {
			return err
		}
		line := recordLine(r)
		if p.bare {
			line = bareLine(r)
		}
		_, err := io.WriteString(p.out, line)
		return err
	}
	header, cells := cellsOf(item)
	if len(p.t.rows) >= maxRows {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if kind := header[0] + header[1]; kind != p.kind {
		if err := p.flushRows(); err != nil {
			return err
		}
		p.kind, p.t = kind, table{header: header}
	}
	p.t.add(cells...)
	return nil
}

// flush writes the rows that are held; the next ones get a header again.
func (p *dumpPrinter) flush() error {
	err := p.flushRows()
	p.kind = ""
	return err
}

func (p *dumpPrinter) flushRows() error {
	err := p.t.write(p.out)
	p.t = table{}
	return err
}

var batchHeader = []string{"POSITION", "OFFSETS", "RECORDS", "BYTES", "EPOCH", "CODEC", "MAX TIME", "PRODUCER", "SEQUENCES", "MARKS", "CRC"}

func cellsOf(item any) (header, cells []string) {
	switch x := item.(type) {
	case *inspect.Batch:
		return batchHeader, batchCells(x)
	case *inspect.IndexEntry:
		return []string{"OFFSET", "POSITION"}, []string{num(x.Offset), num(x.Position)}
	case *inspect.TimeIndexEntry:
		return []string{"TIMESTAMP", "OFFSET", "TIME"}, []string{num(x.Timestamp), num(x.Offset), moment(x.Timestamp)}
	case *inspect.AbortedTxn:
		return []string{"PRODUCER", "FIRST OFFSET", "LAST OFFSET", "LAST STABLE OFFSET"},
			[]string{num(x.ProducerID), num(x.FirstOffset), num(x.LastOffset), num(x.LastStableOffset)}
	case *inspect.Producer:
		return []string{"PRODUCER", "EPOCH", "COORDINATOR EPOCH", "OPEN TRANSACTION", "SEQUENCES", "LAST OFFSET", "LAST TIME"},
			[]string{num(x.ProducerID), num(x.ProducerEpoch), none(x.CoordinatorEpoch), none(x.TxnFirstOffset),
				span(x.FirstSequence, x.LastSequence), none(x.LastOffset), moment(x.LastTimestamp)}
	case *inspect.Epoch:
		return []string{"EPOCH", "START OFFSET"}, []string{num(x.Epoch), num(x.StartOffset)}
	case *inspect.Mark:
		return []string{"TOPIC", "PARTITION", "OFFSET"}, []string{x.Topic, num(x.Partition), num(x.Offset)}
	case *inspect.Property:
		return []string{"NAME", "VALUE"}, []string{x.Name, x.Value}
	}
	return []string{"ITEM", "VALUE"}, []string{fmt.Sprintf("%T", item), fmt.Sprint(item)}
}

func batchCells(b *inspect.Batch) []string {
	producer := "-"
	if b.ProducerID >= 0 {
		producer = fmt.Sprintf("%d/%d", b.ProducerID, b.ProducerEpoch)
	}
	var marks []string
	for _, m := range []struct {
		set  bool
		name string
	}{{b.Transactional, "transactional"}, {b.Control, "control"}, {b.TimestampType == "LogAppendTime", "log-append-time"},
		{b.DeleteHorizon >= 0, "delete-horizon=" + moment(b.DeleteHorizon)}} {
		if m.set {
			marks = append(marks, m.name)
		}
	}
	crc := "ok"
	if !b.Valid {
		crc = "WRONG"
	}
	return []string{num(b.Position), span(b.BaseOffset, b.LastOffset), num(b.Count), num(b.Size), num(b.LeaderEpoch), b.Codec,
		moment(b.MaxTimestamp), producer, span(b.BaseSequence, b.LastSequence), strings.Join(marks, ","), crc}
}

// recordLine is a record of the batch above it.
func recordLine(r *inspect.Record) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| offset %d  %s  key %s  value %s", r.Offset, moment(r.Timestamp), bytesOf(r.KeySize), bytesOf(r.ValueSize))
	if r.Sequence >= 0 {
		fmt.Fprintf(&b, "  sequence %d", r.Sequence)
	}
	for _, h := range r.Headers {
		value := "null"
		if h.Value != nil {
			value = printable(*h.Value)
		}
		fmt.Fprintf(&b, "  header %s=%s", printable(h.Key), value)
	}
	if r.Key != nil {
		fmt.Fprintf(&b, "  %s", printable(r.Key.String()))
	}
	if r.Key != nil || r.Value != nil {
		fmt.Fprintf(&b, "  ->  %s", printable(r.Value.String()))
	}
	b.WriteByte('\n')
	return b.String()
}

// bareLine is a record without its metadata; nothing for a control record.
func bareLine(r *inspect.Record) string {
	if r.Control {
		return ""
	}
	return fmt.Sprintf("| key %s  value %s\n", printable(r.Key.String()), printable(r.Value.String()))
}

// printable keeps text in its line, and what could steer a terminal visible.
func printable(s string) string {
	for _, r := range s {
		if !strconv.IsPrint(r) {
			q := strconv.Quote(s)
			return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
		}
	}
	return s
}

func bytesOf(n int) string {
	if n < 0 {
		return "null"
	}
	return strconv.Itoa(n) + " B"
}

func num[T int | int16 | int32 | int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// none shows a number that is -1 where there is none.
func none[T int16 | int32 | int64](n T) string {
	if n == -1 {
		return "-"
	}
	return num(n)
}

func span[T int32 | int64](first, last T) string {
	switch {
	case last < 0:
		return "-"
	case first == last:
		return num(first)
	}
	return num(first) + ".." + num(last)
}

// moment shows a time in ms.
func moment(ms int64) string {
	if ms < 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
