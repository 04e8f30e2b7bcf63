package transforms

import (
	"strings"

	"github.com/leat-project/leat/connect"
	"github.com/leat-project/leat/connect/data"
)

// parsePath splits a field path (KIP-821): version V1 is one name; in V2 dots
// separate levels, a pair of backticks quotes a name with dots, a backslash quotes a
// backtick.
func parsePath(path string, v2 bool) ([]string, error) {
	if !v2 {
		return []string{path}, nil
	}
	var steps []string
	for i := 0; i < len(path); {
		if path[i] != '`' {
			name, _, more := strings.Cut(path[i:], ".")
			steps = append(steps, name)
			if i += len(name); more {
				i++
			}
			continue
		}
		name, next, ok := quotedStep(path, i+1)
		if !ok {
			return nil, connect.ConfigErrorf("Incomplete backtick pair in path: [%s], consider adding a backslash before backtick at position %d to escape it", path, i)
		}
		steps = append(steps, name)
		i = next
	}
	if strings.HasSuffix(path, ".") || path == "" {
		steps = append(steps, "")
	}
	return steps, nil
}

// quotedStep reads a name after its opening backtick: it ends at a backtick before
// a dot or the end of the path.
func quotedStep(path string, start int) (name string, next int, ok bool) {
	i := start
	for {
		at := strings.IndexByte(path[i:], '`')
		if at < 0 {
			return "", 0, false
		}
		i += at
		escaped := path[i-1] == '\\'
		last := i == len(path)-1
		switch {
		case last && escaped:
			return "", 0, false
		case last:
			return name + path[start:i], i + 1, true
		case path[i+1] != '.':
			i++
		case escaped:
			name += path[start:i-1] + "`"
			i++
			start = i
		default:
			return name + path[start:i], i + 2, true
		}
	}
}

const purposeNested = "nested field access"

// pathSchema returns the schema of the field that a path leads to, nil for none.
func pathSchema(s *data.Schema, steps []string) (*data.Schema, error) {
	for _, name := range steps {
		if s.Type() != data.TypeStruct {
			return nil, connect.DataErrorf("Cannot look up fields on non-struct type")
		}
		if s = s.FieldSchema(name); s == nil {
			return nil, nil
		}
	}
	return s, nil
}

// pathInStruct returns the value that a path leads to, null where a level is null
// or not there.
func pathInStruct(st *data.Struct, steps []string, defaults bool) (data.Value, error) {
	for n, name := range steps {
		i := st.Schema().FieldIndex(name)
		if i < 0 {
			return data.Null, nil
		}
		if n == len(steps)-1 {
			return fieldValue(st, i, defaults), nil
		}
		v := st.Get(i)
		if v.IsNull() {
			return v, nil
		}
		var err error
		if st, err = requireStruct(v, purposeNested); err != nil {
			return data.Null, err
		}
	}
	return data.Null, nil
}

func pathInMap(m *data.Map, steps []string) (data.Value, error) {
	for n, name := range steps {
		v, _ := m.GetString(name)
		if n == len(steps)-1 || v.IsNull() {
			return v, nil
		}
		var err error
		if m, err = requireMap(v, purposeNested); err != nil {
			return data.Null, err
		}
	}
	return data.Null, nil
}
