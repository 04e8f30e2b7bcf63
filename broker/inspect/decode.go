package inspect

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Decoder turns keys and values of records into what they mean.
type Decoder int

// The decoders. Auto picks one by the name of the folder, "orders-0".
const (
	Auto         Decoder = iota
	Raw                  // as text
	Offsets              // __consumer_offsets
	Transactions         // __transaction_state
	Metadata             // __cluster_metadata and its snapshots
	Share                // __share_group_state
)

// decoders by the topic that they are for.
var decoders = map[string]Decoder{
	"__consumer_offsets": Offsets, "__transaction_state": Transactions,
	"__cluster_metadata": Metadata, "__share_group_state": Share,
}

// tables are the names of the decoders' tables in records.txt.
var tables = map[Decoder]string{Offsets: "group", Transactions: "transaction", Metadata: "metadata", Share: "share"}

// decoderFor picks the decoder of a partition folder by its name.
func decoderFor(folder string) Decoder {
	if i := strings.LastIndexByte(folder, '-'); i > 0 {
		if d, ok := decoders[folder[:i]]; ok {
			return d
		}
	}
	return Raw
}

// Payload is a decoded key or value. Null is a nil *Payload.
type Payload struct {
	// Kind is the record's class, such as OffsetCommitKey; "" for text.
	Kind    string `json:"kind,omitempty"`
	Version int    `json:"version,omitempty"`
	// Text is set for Raw, Data otherwise.
	Text string `json:"text,omitempty"`
	Data Fields `json:"data,omitempty"`
}

// String is the text, or the kind with its data as JSON.
func (p *Payload) String() string {
	switch {
	case p == nil:
		return "null"
	case p.Kind == "":
		return p.Text
	}
	text, err := p.Data.MarshalJSON()
	if err != nil {
		return p.Kind + " (" + err.Error() + ")"
	}
	return p.Kind + string(text)
}

// DecodeRecord decodes a record of a coordinator's topic, Raw for others. What cannot
// be decoded is returned as text together with the error.
func DecodeRecord(topic string, key, value []byte) (k, v *Payload, err error) {
	d, ok := decoders[topic]
	if !ok {
		d = Raw
	}
	return d.decode(key, value)
}

// Decodes says whether there is a decoder for the records of a topic.
func Decodes(topic string) bool { _, ok := decoders[topic]; return ok }

// decode reads key and value of a record. What cannot be decoded is returned as
// text together with the error.
func (d Decoder) decode(key, value []byte) (k, v *Payload, err error) {
	switch d {
	case Metadata:
		v, err = decodeMetadata(value)
		return text(key), v, err
	case Offsets, Transactions, Share:
		return d.decodeCoordinator(key, value)
	case Auto, Raw:
	}
	return text(key), text(value), nil
}

func text(b []byte) *Payload {
	if b == nil {
		return nil
	}
	return &Payload{Text: strings.ToValidUTF8(string(b), "\uFFFD")}
}

// decodeCoordinator reads a record of a coordinator's topic: an int16 before
// the key says what kind it is, one before the value which version.
func (d Decoder) decodeCoordinator(key, value []byte) (k, v *Payload, err error) {
	if len(key) < 2 {
		return text(key), text(value), fmt.Errorf("a key of %d bytes, expected at least 2 for the kind of record", len(key))
	}
	kind := int(binary.BigEndian.Uint16(key))
	if k, err = lookUp(schemaID{tables[d], kind, "key", 0}, key[2:]); err != nil {
		return text(key), text(value), err
	}
	if value == nil {
		return k, nil, nil
	}
	if len(value) < 2 {
		return k, text(value), fmt.Errorf("a value of %d bytes, expected at least 2 for its version", len(value))
	}
	if v, err = lookUp(schemaID{tables[d], kind, "value", int(binary.BigEndian.Uint16(value))}, value[2:]); err != nil {
		return k, text(value), err
	}
	return k, v, nil
}

// decodeMetadata reads frame version, kind and version before the record.
func decodeMetadata(value []byte) (*Payload, error) {
	frame, n := binary.Uvarint(value)
	kind, m := binary.Uvarint(value[max(n, 0):])
	version, o := binary.Uvarint(value[max(n, 0)+max(m, 0):])
	if n <= 0 || m <= 0 || o <= 0 || frame != 1 || kind > 1<<15 || version > 1<<15 {
		return text(value), fmt.Errorf("frame version is %d, expected 1, then kind and version of a metadata record", frame)
	}
	p, err := lookUp(schemaID{tables[Metadata], int(kind), "value", int(version)}, value[n+m+o:])
	if err != nil {
		return text(value), err
	}
	return p, nil
}

func lookUp(id schemaID, body []byte) (*Payload, error) {
	s := schemas()[id]
	if s == nil {
		return nil, fmt.Errorf("%s record of kind %d with a %s of version %d: a later program wrote it", id.topic, id.kind, id.part, id.version)
	}
	data, err := s.decode(body)
	return &Payload{Kind: s.name, Version: id.version, Data: data}, err
}

// controlKinds are the types of control records.
var controlKinds = map[int]string{0: "ABORT", 1: "COMMIT"}

// decodeControl reads a control record: transaction markers, and what the raft
// layer of the metadata log writes.
func decodeControl(key, value []byte) (k, v *Payload, err error) {
	if len(key) < 4 {
		return text(key), text(value), fmt.Errorf("the key of a control record has %d bytes, expected 4", len(key))
	}
	kind := int(binary.BigEndian.Uint16(key[2:]))
	if name, ok := controlKinds[kind]; ok {
		if len(value) < 6 {
			return &Payload{Kind: name}, text(value), fmt.Errorf("the value of a transaction marker has %d bytes, expected 6", len(value))
		}
		epoch := int64(int32(binary.BigEndian.Uint32(value[2:])))
		return &Payload{Kind: name}, &Payload{Kind: "EndTxnMarker", Data: Fields{{"coordinatorEpoch", epoch}}}, nil
	}
	if len(value) < 2 {
		return text(key), text(value), fmt.Errorf("the value of control record %d has %d bytes, expected at least 2", kind, len(value))
	}
	if v, err = lookUp(schemaID{"control", kind, "value", int(binary.BigEndian.Uint16(value))}, value); err != nil {
		return text(key), text(value), err
	}
	return &Payload{Kind: strings.TrimSuffix(strings.TrimSuffix(v.Kind, "Record"), "Message")}, v, nil
}
