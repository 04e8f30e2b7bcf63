package inspect

// Decode is Decoder.decode, for fuzzing.
func Decode(d Decoder, key, value []byte) (k, v *Payload, err error) { return d.decode(key, value) }
