package column

import (
	"math"

	"github.com/leat-project/leat/connect/data"
)

// compileTemporal returns the codec of a date or time type, nil for others.
func compileTemporal(t *Type, mod int32, o Options) *Codec {
	precision := int(mod)
	if mod < 0 || mod > 6 {
		precision = 6
	}
	var c *Codec
	switch t.Name {
	case "date":
		c = dateCodec(o.Times)
		c.generated = "1970-01-01"
		return c
	case "time":
		c = timeCodec(o.Times, precision)
		c.generated = "00:00:00"
	case "timestamp":
		c = timestampCodec(o.Times, precision)
		c.generated = "1970-01-01 00:00:00"
	case "timestamptz":
		c = temporal(data.TypeString, "io.debezium.time.ZonedTimestamp", zonedDecoder(precision), data.String("1970-01-01T00:00:00Z"))
		c.generated = "1970-01-01 00:00:00+00"
	case "timetz":
		c = noDefault(temporal(data.TypeString, "io.debezium.time.ZonedTime", decodeZonedTime, data.String("00:00:00Z")))
	case "interval":
		c = temporal(data.TypeInt64, "io.debezium.time.MicroDuration", decodeDuration, data.Int64(0))
		if o.IntervalString {
			c = temporal(data.TypeString, "io.debezium.time.Interval", decodeISOInterval, data.String("P0Y0M0DT0H0M0S"))
		}
		c.generated = "00:00:00"
		return c
	default:
		return nil
	}
	c.Length, c.Scale = -1, -1
	if mod >= 0 {
		c.Length = precision
	}
	return c
}

func temporal(t data.Type, name string, d Decoder, zero data.Value) *Codec {
	return &Codec{Schema: named(t, name), Decode: d, Zero: zero, defaults: true, Length: -1, Scale: -1}
}

func dateCodec(mode Times) *Codec {
	switch mode {
	case ConnectTimes:
		return temporal(data.TypeInt32, data.DateName, decodeConnectDate, data.Date(0))
	case ISOStrings:
		return temporal(data.TypeString, "io.debezium.time.IsoDate", decodeISODate, data.String("1970-01-01Z"))
	}
	return temporal(data.TypeInt32, "io.debezium.time.Date", decodeDays, data.Int32(0))
}

func timeCodec(mode Times, precision int) *Codec {
	switch {
	case mode == ConnectTimes:
		return temporal(data.TypeInt32, data.TimeName, clockDecoder(func(us int64) data.Value { return data.Date(us / 1000) }), data.Date(0))
	case mode == ISOStrings:
		return temporal(data.TypeString, "io.debezium.time.IsoTime", decodeISOTime, data.String("00:00:00Z"))
	case mode == Nanoseconds:
		return temporal(data.TypeInt64, "io.debezium.time.NanoTime", clockDecoder(func(us int64) data.Value { return data.Int64(us * 1000) }), data.Int64(0))
	case mode == Adaptive && precision <= 3:
		return temporal(data.TypeInt32, "io.debezium.time.Time", clockDecoder(func(us int64) data.Value { return data.Int32(int32(us / 1000)) }), data.Int32(0))
	}
	return temporal(data.TypeInt64, "io.debezium.time.MicroTime", clockDecoder(data.Int64), data.Int64(0))
}

func timestampCodec(mode Times, precision int) *Codec {
	millis := func(make func(int64) data.Value) Decoder {
		return stampDecoder(func(s, us int64) data.Value { return make(epochMillis(s, us)) },
			make(positiveInfinity/1000), make(negativeInfinity/1000))
	}
	switch {
	case mode == ConnectTimes:
		return temporal(data.TypeInt64, data.TimestampName, millis(data.Date), data.Date(0))
	case mode == ISOStrings:
		return temporal(data.TypeString, "io.debezium.time.IsoTimestamp", decodeISOTimestamp, data.String("1970-01-01T00:00:00Z"))
	case mode == Nanoseconds:
		return temporal(data.TypeInt64, "io.debezium.time.NanoTimestamp", stampDecoder(func(s, us int64) data.Value {
			return data.Int64(scaled(s, 1e9, us*1000))
		}, data.Int64(math.MaxInt64), data.Int64(math.MinInt64)), data.Int64(0))
	case precision <= 3 && mode != Microseconds:
		return temporal(data.TypeInt64, "io.debezium.time.Timestamp", millis(data.Int64), data.Int64(0))
	}
	return temporal(data.TypeInt64, "io.debezium.time.MicroTimestamp", stampDecoder(func(s, us int64) data.Value {
		return data.Int64(scaled(s, microsPerSecond, us))
	}, data.Int64(positiveInfinity), data.Int64(negativeInfinity)), data.Int64(0))
}
