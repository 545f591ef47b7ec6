package result

import (
	"encoding"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// document reads the tables of RESULT.md: a heading is a type, a row is a field. It
// answers the fields' types.
func document(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../RESULT.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("^\\| `(\\w+)` \\| ([^|]+) \\| [^|]*\\| [^|]*\\|$")
	types, of := map[string]map[string]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			of = name
			types[of] = map[string]string{}
			continue
		}
		if m := row.FindStringSubmatch(line); m != nil {
			types[of][m[1]] = strings.TrimSpace(m[2])
		} else if strings.HasPrefix(line, "| `") {
			t.Errorf("RESULT.md: %q is no row of field, type, unit and meaning", line)
		}
	}
	return types
}

var (
	textual = reflect.TypeFor[encoding.TextMarshaler]()
	moment  = reflect.TypeFor[time.Time]()
)

// kindOf is how RESULT.md writes a type.
func kindOf(of reflect.Type) string {
	switch {
	case of == reflect.TypeFor[[]byte](): // in base64
		return "string"
	case of == moment, of.Implements(textual), reflect.PointerTo(of).Implements(textual):
		return "string"
	case of.Kind() == reflect.Pointer:
		return kindOf(of.Elem())
	case of.Kind() == reflect.Slice:
		return "array of " + kindOf(of.Elem())
	case of.Kind() == reflect.Struct:
		return "[" + of.Name() + "](#" + strings.ToLower(of.Name()) + ")"
	}
	switch of.Kind() {
	case reflect.Map:
		return "object"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number"
	}
	return "integer"
}

// structs collects the types that the JSON of one is made of.
func structs(of reflect.Type, all map[string]reflect.Type) {
	switch {
	case kindOf(of) == "string":
	case of.Kind() == reflect.Pointer, of.Kind() == reflect.Slice, of.Kind() == reflect.Map:
		structs(of.Elem(), all)
	case of.Kind() == reflect.Struct && all[of.Name()] == nil:
		all[of.Name()] = of
		for i := range of.NumField() {
			structs(of.Field(i).Type, all)
		}
	}
}

// Every field of the JSON is described in RESULT.md, with its type and whether it may
// be missing, and nothing is described that is not there.
func TestDocumentDescribesEveryFieldAndNoOther(t *testing.T) {
	document, types := document(t), map[string]reflect.Type{}
	structs(reflect.TypeFor[Result](), types)
	structs(reflect.TypeFor[Comparison](), types)
	for name, of := range types {
		fields := document[name]
		if fields == nil {
			t.Errorf("RESULT.md has no heading %q", name)
			continue
		}
		for i := range of.NumField() {
			f := of.Field(i)
			tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			if tag == "-" {
				continue
			}
			want := kindOf(f.Type)
			if strings.Contains(options, "omitempty") {
				want += "?"
			}
			got, ok := fields[tag]
			switch {
			case tag == "":
				t.Errorf("%s.%s has no name in the JSON", name, f.Name)
			case !ok:
				t.Errorf("RESULT.md does not describe %s.%s: add | `%s` | %s | unit | meaning |", name, tag, tag, want)
			case got != want:
				t.Errorf("RESULT.md says that %s.%s is %s: it is %s", name, tag, got, want)
			}
			delete(fields, tag)
		}
		for tag := range fields {
			t.Errorf("RESULT.md describes %s.%s, which there is not", name, tag)
		}
		delete(document, name)
	}
	for name, fields := range document {
		if len(fields) > 0 {
			t.Errorf("RESULT.md describes %s, which there is not", name)
		}
	}
}
