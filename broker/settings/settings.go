// Package settings declares every configuration key the broker knows: its
// type, default, limits, and for topic keys the broker key it inherits from.
//
// The tables (topic.go, broker.go, group.go) are the single source for
// validation, for the defaults of server.properties, and for the answers of
// DescribeConfigs. Error texts are Kafka's (ConfigDef, LogConfig).
package settings

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Type is the type of a key with the numbers of DescribeConfigs v3
// (DescribeConfigsResponse.ConfigType).
type Type int8

// The types in use.
const (
	Boolean  Type = 1
	String   Type = 2
	Int      Type = 3
	Short    Type = 4
	Long     Type = 5
	Double   Type = 6
	List     Type = 7
	Class    Type = 8
	Password Type = 9
)

var typeNames = map[Type]string{
	Boolean: "BOOLEAN", String: "STRING", Int: "INT", Short: "SHORT", Long: "LONG",
	Double: "DOUBLE", List: "LIST", Class: "CLASS", Password: "PASSWORD",
}

func (t Type) String() string { return typeNames[t] }

// Synonym is a broker key that gives a topic key its default. Factor turns
// the broker key's unit into the topic key's (3600000 for hours to ms).
type Synonym struct {
	Name   string
	Factor int64
}

// Def declares one key.
type Def struct {
	Name    string
	Type    Type
	Default string
	// NoDefault says that the value is null unless set.
	NoDefault bool
	// Min and Max bound numbers; ignored where both are zero.
	Min, Max float64
	// OneOf lists the accepted strings, or list elements.
	OneOf []string
	// Valid checks what the other fields cannot; may be nil.
	Valid func(value string) error
	// Synonyms are the broker keys of a topic key in order of precedence.
	Synonyms []Synonym
	// Dynamic says where a broker key may change without a restart.
	Dynamic Scope
	// Inert is why setting the key changes nothing here; "" for keys that work.
	Inert string
	Doc   string
}

// Scope tells how a broker key may be altered while the broker runs.
type Scope int8

// The scopes of KIP-226.
const (
	ReadOnly Scope = iota
	PerBroker
	ClusterWide
)

// Set is a table of keys by name.
type Set struct {
	defs  []Def
	index map[string]int
}

func newSet(defs []Def) Set {
	s := Set{defs: defs, index: make(map[string]int, len(defs))}
	for i, d := range defs {
		s.index[d.Name] = i
	}
	return s
}

// All returns the keys in the order of declaration. The slice is shared and
// must not be changed.
func (s Set) All() []Def { return s.defs }

// Lookup finds a key by name.
func (s Set) Lookup(name string) (Def, bool) {
	i, ok := s.index[name]
	if !ok {
		return Def{}, false
	}
	return s.defs[i], true
}

// Parse returns value in the one form of its type (numbers without blanks,
// true and false in lower case), or why it is not acceptable for d, with
// Kafka's message.
func (d Def) Parse(value string) (string, error) {
	v := strings.TrimSpace(value)
	var err error
	switch d.Type {
	case Boolean:
		if v = strings.ToLower(v); v != "true" && v != "false" {
			err = fmt.Errorf("Invalid value %s for configuration %s: Expected value to be either true or false", value, d.Name)
		}
	case Int, Short, Long:
		var n int64
		if n, err = strconv.ParseInt(v, 10, map[Type]int{Int: 32, Short: 16, Long: 64}[d.Type]); err != nil {
			return "", fmt.Errorf("Invalid value %s for configuration %s: Not a number of type %s", value, d.Name, d.Type)
		}
		v = strconv.FormatInt(n, 10)
		err = d.checkRange(v, float64(n))
	case Double:
		var f float64
		if f, err = strconv.ParseFloat(v, 64); err != nil || math.IsNaN(f) {
			return "", fmt.Errorf("Invalid value %s for configuration %s: Not a number of type DOUBLE", value, d.Name)
		}
		v = double(f)
		err = d.checkRange(v, f)
	case List:
		list := SplitList(v)
		v = strings.Join(list, ",")
		err = d.checkList(list)
	}
	if err == nil {
		err = d.checkString(v)
	}
	if err == nil && d.Valid != nil {
		err = d.Valid(v)
	}
	return v, err
}

// double is the text of a number as Java writes it, as far as settings have
// such numbers.
func double(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e7 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strings.Replace(strconv.FormatFloat(f, 'G', -1, 64), "E+", "E", 1)
}

func (d Def) checkRange(value string, n float64) error {
	if d.Min == 0 && d.Max == 0 {
		return nil
	}
	if n < d.Min {
		return fmt.Errorf("Invalid value %s for configuration %s: Value must be at least %s", value, d.Name, number(d.Min))
	}
	if n > d.Max {
		return fmt.Errorf("Invalid value %s for configuration %s: Value must be no more than %s", value, d.Name, number(d.Max))
	}
	return nil
}

func number(f float64) string {
	if f == math.Trunc(f) {
		return strconv.FormatInt(int64(f), 10)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (d Def) checkList(list []string) error {
	for _, v := range list {
		if len(d.OneOf) > 0 && !contains(d.OneOf, v) {
			return fmt.Errorf("Invalid value %s for configuration %s: String must be one of: %s", v, d.Name, strings.Join(d.OneOf, ", "))
		}
	}
	return nil
}

func (d Def) checkString(value string) error {
	if d.Type != List && len(d.OneOf) > 0 && !contains(d.OneOf, value) {
		return fmt.Errorf("Invalid value %s for configuration %s: String must be one of: %s", value, d.Name, strings.Join(d.OneOf, ", "))
	}
	return nil
}

// SplitList splits a comma list as ConfigDef does: blanks around elements are
// dropped, an empty string is an empty list.
func SplitList(value string) []string {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	parts := strings.Split(value, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}
