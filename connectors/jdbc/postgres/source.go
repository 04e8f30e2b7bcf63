package postgres

import (
	"strings"

	"github.com/leat-project/leat/connect/data"
)

// source is what the values of a schema mean.
type source uint8

const (
	srcOther source = iota
	srcBool
	srcInt
	srcFloat
	srcString
	srcBytes
	srcDecimal
	srcVarDecimal // io.debezium.data.VariableScaleDecimal
	srcDays       // days since the epoch
	srcTimeMillis // of the day
	srcTimeMicros
	srcTimeNanos
	srcMillis // since the epoch, no time zone
	srcMicros
	srcNanos
	srcDateDate // java.util.Date: Connect's own logical types
	srcDateTime
	srcDateTimestamp
	srcZonedTimestamp // ISO text
	srcISODate        // ISO text with a Z
	srcMicroDuration  // microseconds
	srcBits           // little-endian bytes
	srcPoint
	srcGeometry
	srcSparseVector
	srcVector
	srcArray
	srcMap
	srcStruct
)

// Schema names of Debezium that matter to the sink.
const (
	nameVarDecimal     = "io.debezium.data.VariableScaleDecimal"
	nameBits           = "io.debezium.data.Bits"
	nameJSON           = "io.debezium.data.Json"
	nameXML            = "io.debezium.data.Xml"
	nameUUID           = "io.debezium.data.Uuid"
	nameLtree          = "io.debezium.data.Ltree"
	nameTsvector       = "io.debezium.data.Tsvector"
	namePoint          = "io.debezium.data.geometry.Point"
	nameGeometry       = "io.debezium.data.geometry.Geometry"
	nameGeography      = "io.debezium.data.geometry.Geography"
	nameDoubleVector   = "io.debezium.data.DoubleVector"
	nameFloatVector    = "io.debezium.data.FloatVector"
	nameSparseVector   = "io.debezium.data.SparseDoubleVector"
	nameInterval       = "io.debezium.time.Interval"
	nameMicroDuration  = "io.debezium.time.MicroDuration"
	nameZonedTime      = "io.debezium.time.ZonedTime"
	nameZonedTimestamp = "io.debezium.time.ZonedTimestamp"
	nameIsoDate        = "io.debezium.time.IsoDate"
	nameIsoTime        = "io.debezium.time.IsoTime"
	nameIsoTimestamp   = "io.debezium.time.IsoTimestamp"
)

var sourceByName = map[string]source{
	data.DecimalName: srcDecimal, data.DateName: srcDateDate, data.TimeName: srcDateTime, data.TimestampName: srcDateTimestamp,
	"io.debezium.time.Date": srcDays, "io.debezium.time.Time": srcTimeMillis, "io.debezium.time.MicroTime": srcTimeMicros,
	"io.debezium.time.NanoTime": srcTimeNanos, "io.debezium.time.Timestamp": srcMillis,
	"io.debezium.time.MicroTimestamp": srcMicros, "io.debezium.time.NanoTimestamp": srcNanos,
	nameVarDecimal: srcVarDecimal, nameBits: srcBits, namePoint: srcPoint, nameGeometry: srcGeometry, nameGeography: srcGeometry,
	nameSparseVector: srcSparseVector, nameDoubleVector: srcVector, nameFloatVector: srcVector,
	nameMicroDuration: srcMicroDuration, nameZonedTimestamp: srcZonedTimestamp, nameIsoTimestamp: srcZonedTimestamp,
	nameIsoDate: srcISODate,
}

func sourceOf(s *data.Schema) source {
	if strings.HasPrefix(s.Name(), "io.debezium.") || strings.HasPrefix(s.Name(), "org.apache.kafka.connect.data.") {
		if src, ok := sourceByName[s.Name()]; ok {
			return src
		}
	}
	switch s.Type() {
	case data.TypeBoolean:
		return srcBool
	case data.TypeInt8, data.TypeInt16, data.TypeInt32, data.TypeInt64:
		return srcInt
	case data.TypeFloat32, data.TypeFloat64:
		return srcFloat
	case data.TypeString:
		return srcString
	case data.TypeBytes:
		return srcBytes
	case data.TypeArray:
		return srcArray
	case data.TypeMap:
		return srcMap
	case data.TypeStruct:
		return srcStruct
	}
	return srcOther
}
