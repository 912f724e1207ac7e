package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// marker is in every text that is made up, so that it is known again where it must not
// be.
const marker = "hunter2"

// generator makes requests up: those that the document's schemas allow, and others. The
// same seed makes the same ones.
type generator struct {
	*rand.Rand

	schemas map[string]schema
}

// sent is a request that was made up.
type sent struct {
	values map[string]string
	query  url.Values
	header http.Header
	body   []byte
}

// request makes one up for an operation: of one that succeeds, or of the schemas alone.
func (g *generator) request(o *operation, good row, values map[string]string) sent {
	s := sent{values: maps.Clone(values), header: http.Header{}}
	s.query, _ = url.ParseQuery(good.query)
	for _, parameter := range o.Parameters {
		g.parameter(&s, parameter.Name, parameter.In, parameter.Schema)
	}
	if g.one(8) {
		s.query.Add(g.pick("extra", "limit", "sub"), g.text())
	}
	if o.method == http.MethodPost && g.one(2) {
		s.header.Add("Idempotency-Key", g.pick("1", "2", "3", marker, strings.Repeat("k", 255), strings.Repeat("k", 256)))
		if g.one(8) {
			s.header.Add("Idempotency-Key", "4")
		}
	}
	if g.one(8) {
		s.header.Set("Accept", g.pick("text/html", "*/*;q=0", "application/cbor", marker))
	}
	if len(o.RequestBody.Content) > 0 {
		g.body(&s, o, good)
	} else if g.one(8) {
		s.body = []byte(`{"extra":"` + marker + `"}`)
	}
	return s
}

// parameter makes up the value of a parameter, or leaves it as it is.
func (g *generator) parameter(s *sent, name, in string, of schema) {
	switch in {
	case "path":
		if g.one(6) {
			s.values[name] = g.segment()
		}
	case "query":
		switch g.IntN(6) {
		case 0:
			s.query.Set(name, g.text())
		case 1:
			s.query.Set(name, g.pick("0", "-1", "1", "1001", "9223372036854775808", "1e3", "", "Mw", "!", "amelia", "crm-1", "amelia@brand.example"))
		case 2:
			text, _ := json.Marshal(g.value(of))
			s.query.Add(name, strings.Trim(string(text), `"`))
		}
	case "header":
		if g.one(4) {
			s.header.Set(name, g.pick("*", `"x"`, `W/"x"`, marker, `"`+marker, ",,", strings.Repeat(`"x",`, 1000), " ", "\xff"))
		}
	}
}

// segment is what may stand in a path.
func (g *generator) segment() string {
	if text := g.text(); text != "" && len(text) < 2000 {
		return text
	}
	return g.pick("rory-sub", "crm-2", "kiosk", ".", "..", "sessions")
}

// body makes one up, and its media type.
func (g *generator) body(s *sent, o *operation, good row) {
	media := slices.Sorted(maps.Keys(o.RequestBody.Content))
	kind := media[g.IntN(len(media))]
	var value any
	if g.one(3) {
		value = g.value(o.RequestBody.Content[kind].Schema)
	} else {
		_ = json.Unmarshal([]byte(good.body), &value)
	}
	for range g.IntN(3) {
		value = g.change(value)
	}
	s.body, _ = json.Marshal(value)
	if g.one(6) {
		s.body = g.spoil(s.body)
	}
	if g.one(10) {
		kind = g.pick("", "text/plain", "application/xml", marker, kind+"; charset=utf-8", kind+"; charset=utf-16", kind+";", "application/x-www-form-urlencoded")
	}
	if kind != "" {
		s.header.Set("Content-Type", kind)
	}
}

// value is one that a schema allows, as far as the schema says what is allowed.
func (g *generator) value(of schema) any {
	if ref, ok := of["$ref"].(string); ok {
		return g.value(g.schemas[path.Base(ref)])
	}
	if values, ok := of["enum"].([]any); ok {
		return values[g.IntN(len(values))]
	}
	kind, _ := of["type"].(string)
	if kinds, ok := of["type"].([]any); ok {
		kind, _ = kinds[g.IntN(len(kinds))].(string)
	}
	switch kind {
	case "object":
		return g.object(of)
	case "array":
		items, _ := of["items"].(map[string]any)
		list := []any{}
		for range g.IntN(3) {
			list = append(list, g.value(items))
		}
		return list
	case "integer":
		return g.IntN(100)
	case "number":
		return g.Float64() * 1000
	case "boolean":
		return g.one(2)
	case "string":
		return g.text()
	case "null":
		return nil
	}
	return g.anything()
}

func (g *generator) object(of schema) any {
	made := map[string]any{}
	properties, _ := of["properties"].(map[string]any)
	required, _ := of["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if property, ok := properties[name].(map[string]any); ok && (slices.Contains(required, any(name)) || g.one(4)) {
			made[name] = g.value(property)
		}
	}
	if more, ok := of["additionalProperties"].(map[string]any); ok {
		for range g.IntN(3) {
			made[g.pick("tier", "claims", "personal_info", "sub", "attributes", "disabled")] = g.value(more)
		}
	}
	return made
}

// anything is some JSON.
func (g *generator) anything() any {
	switch g.IntN(9) {
	case 0:
		return nil
	case 1:
		return g.one(2)
	case 2:
		return g.IntN(3) - 1
	case 3:
		return json.RawMessage(g.pick("1e400", "-0", "9007199254740993", "0.1e-400", "99999999999999999999", `"\ud800`+marker+`"`))
	case 4:
		return []any{}
	case 5:
		return []any{g.text(), map[string]any{}}
	case 6:
		return map[string]any{g.name(): g.text()}
	default:
		return g.text()
	}
}

// name is that of a member that nobody has asked for.
func (g *generator) name() string {
	return g.pick("extra", "", "a/b~c", marker+" ", "<b>"+marker, "\x00"+marker, "é"+marker, strings.Repeat("n", 300), "__proto__", "password_hash")
}

// text is made up to be in the way of whoever takes it for something.
func (g *generator) text() string {
	return g.pick(
		marker, marker+"@brand.example", "+"+marker, marker+" "+marker, "MALE "+marker, "https://"+marker+".example/", "2026-01-01"+marker,
		marker+"\x00", "\u202e"+marker, "\U0001f600"+marker, "\uffff"+marker, marker+"\r\nX-Injected: 1", `'; drop table consumers; --`+marker,
		`"<script>`+marker+`</script>`, "%00"+marker, "../"+marker, "{{"+marker+"}}", "${"+marker+"}", "İ"+marker, "ß\u0301"+marker,
		strings.Repeat(marker, 40), strings.Repeat("a", 4096)+marker, " "+marker+" ", "\ufeff"+marker, "",
	)
}

// change changes something somewhere in a value.
func (g *generator) change(value any) any {
	switch value := value.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(value))
		if len(names) == 0 || g.one(5) {
			value[g.name()] = g.anything()
			return value
		}
		name := names[g.IntN(len(names))]
		if g.one(5) {
			delete(value, name)
		} else {
			value[name] = g.change(value[name])
		}
		return value
	case []any:
		if len(value) == 0 || g.one(4) {
			return append(value, g.anything())
		}
		i := g.IntN(len(value))
		value[i] = g.change(value[i])
		return value
	case string:
		if !g.one(4) {
			return g.text()
		}
	}
	return g.anything()
}

// spoil makes something of a body that may not be JSON any more.
func (g *generator) spoil(body []byte) []byte {
	switch g.IntN(9) {
	case 0:
		return body[:g.IntN(len(body))]
	case 1:
		return append(body, g.pick("x", "{}", " ", "\x00")...)
	case 2:
		return []byte(strings.Repeat(`[`, 20000) + marker)
	case 3:
		return []byte(strings.Repeat(`{"a":`, 3000) + "1" + strings.Repeat("}", 3000))
	case 4:
		return bytes.Replace(body, []byte("{"), []byte(`{"extra":1,"extra":2,`), 1)
	case 5:
		return append([]byte("\xef\xbb\xbf"), body...)
	case 6:
		body[g.IntN(len(body))] = byte(g.IntN(256))
		return body
	case 7:
		return []byte(`{"extra":"` + strings.Repeat(marker, 40_000) + `"}`)
	default:
		return []byte("[" + string(body) + "]")
	}
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) pick(of ...string) string { return of[g.IntN(len(of))] }
