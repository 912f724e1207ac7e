package brandfile

import (
	"encoding/json"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// validJSON reads a text that is known to be JSON, with nothing after the value, into
// the tree that jsonReader makes of it, several times as quickly: an import reads
// millions of them. A text that is not is for jsonReader, which says why.
type validJSON struct {
	text string
	at   int
	// nodes are used again for the next text, the first of them for this one.
	nodes []*yaml.Node
	used  int
}

var validJSONs = sync.Pool{New: func() any { return new(validJSON) }} //nolint:gochecknoglobals // a pool

// withValidJSON lends the tree to f; it is nil if the value is nested too deeply.
func withValidJSON(text string, f func(root *yaml.Node)) {
	r := validJSONs.Get().(*validJSON) //nolint:forcetypeassert // see New
	r.text, r.at, r.used = text, 0, 0
	f(r.value(0))
	r.text = ""
	if len(r.nodes) < manyNodes {
		validJSONs.Put(r)
	}
}

// manyNodes are more than a consumer needs, and are not kept.
const manyNodes = 1024

func (r *validJSON) node() *yaml.Node {
	if r.used == len(r.nodes) {
		r.nodes = append(r.nodes, new(yaml.Node))
	}
	node := r.nodes[r.used]
	r.used++
	*node = yaml.Node{Kind: yaml.ScalarNode, Line: 1, Content: node.Content[:0]}
	return node
}

func (r *validJSON) skipSpace() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n,:", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *validJSON) value(depth int) *yaml.Node {
	r.skipSpace()
	node := r.node()
	switch r.text[r.at] {
	case '{', '[':
		if depth == maxDepth {
			return nil
		}
		node.Kind = yaml.SequenceNode
		if r.text[r.at] == '{' {
			node.Kind = yaml.MappingNode
		}
		if !r.content(node, depth) {
			return nil
		}
	case '"':
		node.Tag, node.Value = "!!str", r.string()
	case 'n':
		node.Tag = "!!null"
		r.at += len("null")
	case 't':
		node.Tag, node.Value = "!!bool", "true"
		r.at += len("true")
	case 'f':
		node.Tag, node.Value = "!!bool", "false"
		r.at += len("false")
	default:
		begin := r.at
		for r.at < len(r.text) && strings.IndexByte("+-.0123456789eE", r.text[r.at]) >= 0 {
			r.at++
		}
		node.Tag, node.Value = "!!int", r.text[begin:r.at]
		if strings.ContainsAny(node.Value, ".eE") {
			node.Tag = "!!float"
		}
	}
	return node
}

// content reads what an object or a list holds; the names of an object are values,
// too. It tells whether that was not nested too deeply.
func (r *validJSON) content(node *yaml.Node, depth int) bool {
	for r.at++; ; {
		r.skipSpace()
		if r.text[r.at] == '}' || r.text[r.at] == ']' {
			r.at++
			return true
		}
		child := r.value(depth + 1)
		if child == nil {
			return false
		}
		node.Content = append(node.Content, child)
	}
}

func (r *validJSON) string() string {
	begin := r.at
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			r.at++
		}
	}
	r.at++
	text := r.text[begin:r.at]
	if strings.IndexByte(text, '\\') < 0 {
		return text[1 : len(text)-1]
	}
	var unescaped string
	_ = json.Unmarshal([]byte(text), &unescaped) // it is JSON
	return unescaped
}

// readable is firstUnreadable of a whole text, in one quick pass over what is ASCII.
func readable(data []byte) bool {
	for _, b := range data {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return utf8.Valid(data)
}
