package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/config"
	"github.com/leat-project/leat/connectors/debezium/event"
	"github.com/leat-project/leat/connectors/debezium/filter"
	"github.com/leat-project/leat/connectors/debezium/mapper"
	"github.com/leat-project/leat/connectors/debezium/postgres/column"
)

// Config is the connector's configuration.
type Config struct {
	serverConfig
	readConfig
	eventConfig
}

// Define declares the keys of PostgresConnectorConfig.
func (c *Config) Define(d *config.Def) {
	d.FieldStyle()
	c.serverConfig.define(d)
	c.readConfig.define(d)
	c.eventConfig.define(d)
}

// settings is the configuration ready for use.
type settings struct {
	Config
	props       map[string]string
	schemas     filter.Choice
	tables      filter.Choice
	columns     filter.Choice
	prefixes    filter.Choice
	snapshot    filter.List // empty: all captured tables
	keys        []keyRule
	rules       mapper.Rules
	types       column.Options
	skip        [256]bool // by operation letter
	overrides   map[string]string
	adjust      func(string) string
	adjustField func(string) string
}

// keyRule is one entry of message.key.columns.
type keyRule struct {
	table   *filter.Pattern
	columns []string
}

// parse reads the configuration and refuses what cannot work.
func parse(props map[string]string) (*settings, error) {
	s := &settings{props: props}
	if err := config.Parse(&s.Config, props); err != nil {
		return nil, connect.Cause(connect.ClassConfig, "Error configuring an instance of PostgresConnector", err)
	}
	if problems := s.problems(props); len(problems) > 0 {
		var errs []error
		for _, p := range problems {
			errs = append(errs, config.FieldError(p.key, p.text))
		}
		return nil, connect.Cause(connect.ClassConfig, "Error configuring an instance of PostgresConnector", errors.Join(errs...))
	}
	return s, s.compile()
}

// compile prepares lists and modes, which problems has checked.
func (s *settings) compile() error {
	var errs []error
	choice := func(kind string) filter.Choice {
		c, err := filter.NewChoice(s.props[kind+".include.list"], s.props[kind+".exclude.list"])
		errs = append(errs, err)
		return c
	}
	s.schemas, s.tables, s.columns, s.prefixes = choice("schema"), choice("table"), choice("column"), choice("message.prefix")
	var err error
	s.snapshot, err = filter.Parse(s.props["snapshot.include.collection.list"])
	errs = append(errs, err)
	s.rules, err = mapper.Parse(s.props)
	errs = append(errs, err)
	s.keys, err = parseKeyColumns(s.KeyColumns)
	errs = append(errs, err)
	for _, op := range skippedOperations(s.props) {
		s.skip[op] = true
	}
	s.overrides = map[string]string{}
	for _, table := range filter.Split(s.Overrides) {
		s.overrides[table] = s.props["snapshot.select.statement.overrides."+table]
	}
	s.types = s.options()
	s.adjust, s.adjustField = adjuster(s.Adjustment), adjuster(s.FieldAdjustment)
	return errors.Join(errs...)
}

func adjuster(mode string) func(string) string {
	switch strings.ToLower(mode) {
	case "avro":
		return event.AvroName(false)
	case "avro_unicode":
		return event.AvroName(true)
	}
	return func(s string) string { return s }
}

func (s *settings) options() column.Options {
	o := column.Options{Unknown: s.Unknown, MoneyDigits: s.MoneyDigits, Placeholder: s.Placeholder,
		IntervalString: strings.EqualFold(s.Intervals, "string"), HstoreMap: strings.EqualFold(s.Hstore, "map")}
	if h, ok := strings.CutPrefix(s.Placeholder, "hex:"); ok {
		if b, err := hex.DecodeString(h); err == nil {
			o.Placeholder = string(b)
		}
	}
	o.Decimals = map[string]column.Decimals{"double": column.Double, "string": column.DecimalString}[strings.ToLower(s.Decimals)]
	o.Times = map[string]column.Times{"adaptive_time_microseconds": column.AdaptiveTimeMicroseconds, "connect": column.ConnectTimes,
		"isostring": column.ISOStrings, "microseconds": column.Microseconds, "nanoseconds": column.Nanoseconds}[strings.ToLower(s.Times)]
	o.Binaries = map[string]column.Binaries{"base64": column.BinaryBase64, "base64-url-safe": column.BinaryBase64URL,
		"hex": column.BinaryHex}[strings.ToLower(s.Binaries)]
	return o
}

// parseKeyColumns reads message.key.columns: table:column,column;table2:column.
func parseKeyColumns(text string) ([]keyRule, error) {
	var rules []keyRule
	for _, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		i := strings.LastIndexByte(part, ':')
		if i <= 0 || i == len(part)-1 {
			return nil, fmt.Errorf("message.key.columns: %q is not of the form schema.table:column,column", part)
		}
		p, err := filter.Compile(strings.TrimSpace(part[:i]))
		if err != nil {
			return nil, fmt.Errorf("message.key.columns: %w", err)
		}
		r := keyRule{table: p}
		for _, c := range strings.Split(part[i+1:], ",") {
			r.columns = append(r.columns, strings.TrimSpace(c))
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// captured reports whether a table is to be captured.
func (s *settings) captured(schema, table string) bool {
	if s.IgnoreBuiltin && builtin(schema, table) {
		return false
	}
	return s.schemas.Match(schema) && s.tables.Match(schema+"."+table)
}

func builtin(schema, table string) bool {
	return schema == "pg_catalog" || schema == "information_schema" || strings.HasPrefix(schema, "pg_temp") ||
		strings.HasPrefix(schema, "pg_toast") || table == "spatial_ref_sys"
}

// skippedOperations returns the letters of skipped.operations.
func skippedOperations(props map[string]string) []byte {
	text, ok := props["skipped.operations"]
	if !ok {
		return []byte{'t'}
	}
	var ops []byte
	for _, op := range strings.Split(text, ",") {
		if op = strings.ToLower(strings.TrimSpace(op)); len(op) == 1 {
			ops = append(ops, op[0])
		}
	}
	return ops
}

func millis(n int64) time.Duration {
	if n > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

var (
	prefixPattern = regexp.MustCompile(`^[a-zA-Z0-9_.\-]+$`)
	hostPattern   = regexp.MustCompile(`^[a-zA-Z0-9\-_.:/]+$`)
	slotPattern   = regexp.MustCompile(`^[a-z0-9_]{1,63}$`)
)

func checkPrefix(name string, v any) error {
	if s, ok := v.(string); ok && !prefixPattern.MatchString(s) {
		return config.FieldError(name, s+" has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)")
	}
	return nil
}

func checkHost(name string, v any) error {
	if s, ok := v.(string); ok && s != "" && !hostPattern.MatchString(s) {
		return config.FieldError(name, s+" has invalid format (only the underscore, hyphen, dot and alphanumeric characters are allowed)")
	}
	return nil
}

func checkSlot(name string, v any) error {
	if s, ok := v.(string); ok && !slotPattern.MatchString(s) {
		return config.FieldError(name, "Valid replication slot name must contain only digits, lowercase characters and underscores with length <= 63")
	}
	return nil
}

func checkBool(name string, v any) error {
	if s, ok := v.(string); ok && !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		return config.FieldError(name, "Either 'true' or 'false' is expected")
	}
	return nil
}

func checkNumber(name string, v any) error {
	if _, ok := v.(int64); !ok {
		return config.FieldError(name, "An integer is expected")
	}
	return nil
}

func checkPositive(name string, v any) error {
	if n, ok := v.(int64); !ok || n <= 0 {
		return config.FieldError(name, "A positive, non-zero integer value is expected")
	}
	return nil
}

func checkNotNegative(name string, v any) error {
	if n, ok := v.(int64); v != nil && (!ok || n < 0) {
		return config.FieldError(name, "An non-negative integer is expected")
	}
	return nil
}

func checkOperations(name string, v any) error {
	ops, _ := v.([]string)
	for _, op := range ops {
		op = strings.ToLower(op)
		if op == "none" && len(ops) > 1 {
			return config.FieldError(name, "'none' cannot be specified with other skipped operation types")
		}
		if op != "none" && (len(op) != 1 || !strings.Contains("crudt", op)) {
			return config.FieldError(name, "Invalid operation")
		}
	}
	return nil
}

func checkTags(name string, v any) error {
	tags, _ := v.([]string)
	for _, t := range tags {
		if !strings.Contains(t, "=") {
			return config.FieldError(name, "A equivalent-separated map of valid key/value pairs is expected, for example: k1=v1,k2=v2")
		}
	}
	return nil
}

func checkList(name string, v any) error {
	parts, _ := v.([]string)
	// The type LIST has cut the text at every comma; an expression may hold one.
	if _, err := filter.Parse(strings.Join(parts, ",")); err != nil {
		return config.FieldError(name, "A comma-separated list of valid regular expressions is expected, but "+javaRegexError(err))
	}
	return nil
}

// javaRegexError is the message of java.util.regex.PatternSyntaxException where
// it is known, else ours.
func javaRegexError(err error) string {
	var bad *filter.SyntaxError
	if errors.As(err, &bad) {
		if i := strings.LastIndexByte(bad.Text, '['); i >= 0 && !strings.Contains(bad.Text[i:], "]") {
			return fmt.Sprintf("Unclosed character class near index %d\n%s\n%s^", len(bad.Text)-1, bad.Text, strings.Repeat(" ", len(bad.Text)-1))
		}
	}
	return err.Error()
}

func oneOf(values ...string) config.Check {
	return func(name string, v any) error {
		s, ok := v.(string)
		if v == nil || ok && slices.ContainsFunc(values, func(o string) bool { return strings.EqualFold(o, strings.TrimSpace(s)) }) {
			return nil
		}
		return config.FieldError(name, "Value must be one of "+strings.Join(values, ", "))
	}
}

func choices(values ...string) *config.Recommender {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = v
	}
	return &config.Recommender{Values: func(string, map[string]string) []any { return list }}
}
