package config

import "slices"

// Type is a key's type, with Java's name in String.
type Type uint8

// The types of ConfigDef.
const (
	TypeString Type = iota + 1
	TypeBoolean
	TypeInt
	TypeShort
	TypeLong
	TypeDouble
	TypeList
	TypeClass
	TypePassword
)

func (t Type) String() string {
	return [...]string{"UNKNOWN", "STRING", "BOOLEAN", "INT", "SHORT", "LONG", "DOUBLE", "LIST", "CLASS", "PASSWORD"}[t]
}

// Importance of a key. The zero value is High, as an unset importance never is.
type Importance uint8

// The importances.
const (
	High Importance = iota
	Medium
	Low
)

func (i Importance) String() string { return [...]string{"HIGH", "MEDIUM", "LOW"}[i] }

// Width of a key's field in a form. The zero value is None.
type Width uint8

// The widths. MediumWidth is Java's MEDIUM.
const (
	None Width = iota
	Short
	MediumWidth
	Long
)

func (w Width) String() string { return [...]string{"NONE", "SHORT", "MEDIUM", "LONG"}[w] }

// Secret is a PASSWORD value. It prints as [hidden] in every format.
type Secret string

// String returns "[hidden]".
func (Secret) String() string { return "[hidden]" }

// GoString returns "[hidden]".
func (Secret) GoString() string { return "[hidden]" }

// MarshalJSON returns "[hidden]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[hidden]"`), nil }

// Reveal returns the secret itself, for the driver that needs it.
func (s Secret) Reveal() string { return string(s) }

// Check validates one parsed value: it returns nil or an error whose text is all
// of Java's message, which it builds with Invalid. A value is nil, string,
// bool, int64 (every integer type), float64, []string or Secret.
type Check func(name string, value any) error

// Recommender proposes values and decides visibility, from the raw properties.
type Recommender struct {
	Values  func(name string, props map[string]string) []any
	Visible func(name string, props map[string]string) bool // nil: always
}

// Key is one declared key. Its methods return the key, for chaining.
type Key struct {
	Name        string
	Type        Type
	HasDefault  bool
	DefaultText string // raw text as ConfigKeyInfo serves it; see DefaultNull
	DefaultNull bool   // default is Java's null
	Imp         Importance
	GroupName   string // "" is Java's null group
	OrderNum    int    // order in group; -1 without a group
	WidthVal    Width
	DisplayName string // Java's default: the name
	DocText     string
	Checks      []Check
	DependsKeys []string // Java's dependents
	Rec         *Recommender
	Hidden      bool // Java's internal configuration: parsed, not listed
	Aliases     []string
	Moot        string // why the key has no effect, see NoEffect

	def     any
	store   func(v any)
	classes func(name string) (full string, ok bool)
}

// Def is an ordered set of keys. The zero value is ready.
type Def struct {
	keys       []*Key
	byName     map[string]*Key
	fieldStyle bool
}

// Keys returns the keys in order of declaration. Do not write.
func (d *Def) Keys() []*Key { return d.keys }

// Key returns a key by name, nil if it is not declared.
func (d *Def) Key(name string) *Key { return d.byName[name] }

// Names returns the names of all keys.
func (d *Def) Names() []string {
	names := make([]string, len(d.keys))
	for i, k := range d.keys {
		names[i] = k.Name
	}
	return names
}

// Groups returns the group names in order of first use.
func (d *Def) Groups() []string {
	var groups []string
	for _, k := range d.keys {
		if k.GroupName != "" && !slices.Contains(groups, k.GroupName) {
			groups = append(groups, k.GroupName)
		}
	}
	return groups
}

func (d *Def) add(name string, t Type, store func(any)) *Key {
	k := &Key{Name: name, Type: t, DisplayName: name, OrderNum: -1, store: store}
	d.put(k)
	return k
}

func (d *Def) put(k *Key) {
	if d.byName == nil {
		d.byName = map[string]*Key{}
	}
	if d.byName[k.Name] != nil {
		panic("config: key " + k.Name + " is declared twice")
	}
	d.keys = append(d.keys, k)
	d.byName[k.Name] = k
}

// String declares a STRING key. p may be nil; a null leaves *p "".
func (d *Def) String(p *string, name string) *Key { return d.add(name, TypeString, strInto(p)) }

// Class declares a CLASS key, whose value is a class name.
func (d *Def) Class(p *string, name string) *Key { return d.add(name, TypeClass, strInto(p)) }

// Bool declares a BOOLEAN key. p may be nil.
func (d *Def) Bool(p *bool, name string) *Key { return d.add(name, TypeBoolean, into(p)) }

// Int declares an INT key (32 bits). p may be nil.
func (d *Def) Int(p *int, name string) *Key { return d.add(name, TypeInt, intInto(p)) }

// Short declares a SHORT key (16 bits). p may be nil.
func (d *Def) Short(p *int, name string) *Key { return d.add(name, TypeShort, intInto(p)) }

// Long declares a LONG key. p may be nil.
func (d *Def) Long(p *int64, name string) *Key { return d.add(name, TypeLong, into(p)) }

// Double declares a DOUBLE key. p may be nil.
func (d *Def) Double(p *float64, name string) *Key { return d.add(name, TypeDouble, into(p)) }

// List declares a LIST key: values separated by commas, white space trimmed.
// p may be nil.
func (d *Def) List(p *[]string, name string) *Key { return d.add(name, TypeList, into(p)) }

// Password declares a PASSWORD key. p may be nil.
func (d *Def) Password(p *Secret, name string) *Key { return d.add(name, TypePassword, into(p)) }

func into[T any](p *T) func(any) {
	return func(v any) {
		if p == nil {
			return
		}
		if t, ok := v.(T); ok {
			*p = t
			return
		}
		var zero T
		*p = zero
	}
}

func strInto(p *string) func(any) { return into(p) }

func intInto(p *int) func(any) {
	return func(v any) {
		if p == nil {
			return
		}
		n, _ := v.(int64)
		*p = int(n)
	}
}

// Default sets the default: a value of the key's type, or text as in a properties
// file. nil is Java's null.
func (k *Key) Default(v any) *Key {
	k.HasDefault = true
	if v == nil {
		k.DefaultNull = true
		return k
	}
	parsed, err := parseType(k.Name, v, k.Type)
	if err != nil {
		panic("config: default of " + k.Name + ": " + err.Error())
	}
	k.def, k.DefaultText = parsed, text(parsed)
	return k
}

// Importance sets the importance.
func (k *Key) Importance(i Importance) *Key { k.Imp = i; return k }

// Group sets the group and the order in it (Java's orderInGroup).
func (k *Key) Group(name string, order int) *Key { k.GroupName, k.OrderNum = name, order; return k }

// Width sets the width.
func (k *Key) Width(w Width) *Key { k.WidthVal = w; return k }

// Label sets the display name.
func (k *Key) Label(s string) *Key { k.DisplayName = s; return k }

// Doc sets the documentation.
func (k *Key) Doc(s string) *Key { k.DocText = s; return k }

// Classes says which class names a CLASS key accepts: resolve maps a name or
// alias to the full name. Without it any text is accepted.
func (k *Key) Classes(resolve func(name string) (full string, ok bool)) *Key {
	k.classes = resolve
	return k
}

// Check adds a validator. The default is checked too, as Java does. Checks run in
// order until one fails (all of them, see Def.FieldStyle).
func (k *Key) Check(c Check) *Key { k.Checks = append(k.Checks, c); return k }

// Dependents names keys whose recommendation depends on this one.
func (k *Key) Dependents(names ...string) *Key { k.DependsKeys = names; return k }

// Recommend sets the recommender.
func (k *Key) Recommend(r *Recommender) *Key { k.Rec = r; return k }

// Internal hides the key from listings.
func (k *Key) Internal() *Key { k.Hidden = true; return k }

// NoEffect says why setting the key changes nothing: what it tunes does not exist
// here. It is accepted, because configurations that are in use set it, and whoever
// sets it is warned. A key whose effect would be missed is refused instead.
func (k *Key) NoEffect(why string) *Key { k.Moot = why; return k }

// Alias adds an older name of the key; the key's own name wins where both are set.
func (k *Key) Alias(names ...string) *Key { k.Aliases = append(k.Aliases, names...); return k }
