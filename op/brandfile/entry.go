package brandfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/storage"
)

// MaxEntryBytes is the size of the largest consumer that ReadConsumer takes.
const MaxEntryBytes = 256 << 10

// maxDepth is how deep a consumer's JSON may be nested; its fields need five.
const maxDepth = 16

// Entry is one consumer that has been checked, as far as that goes without the
// store.
type Entry struct {
	// Consumer is what is to be stored, but for the ID. PasswordHash is what the
	// entry says, or "". ManagedBy is empty.
	Consumer storage.Consumer
	// Identifiers are what the consumer signs in with.
	Identifiers []storage.Identifier
	// Password is to be hashed; "" if there is none.
	Password string
}

// ReadConsumer reads and checks one consumer, a JSON object with the fields that
// `consumers` of a brand file have, by the same rules but one: it need not have
// anything by which it is found again, which Named tells. The entry is nil if there
// are faults; their fields are paths within the object.
func ReadConsumer(data []byte) (*Entry, Faults) {
	if entry := readFaultless(data); entry != nil {
		return entry, nil
	}
	return readPlaced(data)
}

// readFaultless reads an entry that has no fault, as nearly all have none, or gives
// nil. It notes no places to tell of faults.
func readFaultless(data []byte) (entry *Entry) {
	if len(data) > MaxEntryBytes || !readable(data) || loneSurrogate(data) || !json.Valid(data) {
		return nil
	}
	withValidJSON(string(data), func(root *yaml.Node) {
		d := &decoder{}
		if root == nil {
			return
		}
		if read := d.entry(root); len(d.faults) == 0 {
			entry = read
		}
	})
	return entry
}

// readPlaced reads an entry and knows where its faults are.
func readPlaced(data []byte) (*Entry, Faults) {
	d := newDecoder("")
	root := d.parseJSON(data)
	if root == nil {
		return nil, d.faults
	}
	entry := d.entry(root)
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	return entry, nil
}

// entry reads one consumer, as far as it has no faults.
func (d *decoder) entry(root *yaml.Node) *Entry {
	var entry consumerEntry
	d.decode(root, "", reflect.ValueOf(&entry).Elem())
	d.silenceBroken()
	c := d.consumer(entry, "")
	c.ManagedBy = ""
	return &Entry{Consumer: c.Consumer, Identifiers: c.identifiers, Password: c.password}
}

// Named tells whether an entry has a sub, an external id or a user name, by which
// the consumer is found again.
func (e *Entry) Named() bool { return named(&e.Consumer) }

func named(c *storage.Consumer) bool { return c.Sub != "" || c.ExternalID != "" || c.Username != "" }

// Pointer is the place of the fault as a JSON pointer (RFC 6901).
func (f Fault) Pointer() string {
	if f.Field == "" {
		return ""
	}
	// The paths of fields have neither ~ nor / in them: names that may are not told.
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(f.Field)
}

// parseJSON reads JSON into the tree that YAML is read into. The tree is nil if
// there are faults.
func (d *decoder) parseJSON(data []byte) *yaml.Node {
	if len(data) > MaxEntryBytes {
		d.fault(1, "", fmt.Sprintf("must be at most %d KiB long", MaxEntryBytes>>10))
		return nil
	}
	return d.readJSON(data)
}

// readJSON is parseJSON of a text of any size, such as one of our own.
func (d *decoder) readJSON(data []byte) *yaml.Node {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			d.fault(1, "", "must be UTF-8 text without a byte order mark at its beginning")
			return nil
		}
	}
	if at := firstUnreadable(data); at < len(data) {
		d.fault(1+bytes.Count(data[:at], []byte("\n")), "", "must be UTF-8 text without control characters")
		return nil
	}
	if loneSurrogate(data) {
		d.fault(1, "", "must be JSON whose \\u escapes name characters: half a surrogate pair is none")
		return nil
	}
	r := jsonReader{json.NewDecoder(bytes.NewReader(data)), data}
	r.UseNumber()
	root, err := r.value(0)
	if err == nil {
		if _, more := r.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("nothing may follow the value")
		}
	}
	if err != nil {
		d.fault(r.line(), "", "must be JSON: "+jsonReason(err))
		return nil
	}
	return root
}

// jsonReader reads the tokens of a JSON text.
type jsonReader struct {
	*json.Decoder

	data []byte
}

func (r jsonReader) line() int {
	return 1 + bytes.Count(r.data[:min(int(r.InputOffset()), len(r.data))], []byte("\n"))
}

// value reads the next value.
func (r jsonReader) value(depth int) (*yaml.Node, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err //nolint:wrapcheck // parseJSON tells of it
	}
	node := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line()}
	switch token := token.(type) {
	case nil:
		node.Tag = "!!null"
	case bool:
		node.Tag, node.Value = "!!bool", strconv.FormatBool(token)
	case json.Number:
		node.Tag, node.Value = "!!float", token.String()
		if integerPattern.MatchString(node.Value) {
			node.Tag = "!!int"
		}
	case string:
		node.Tag, node.Value = "!!str", token
	case json.Delim:
		if depth == maxDepth {
			return nil, errors.New("it is nested too deeply")
		}
		node.Kind = yaml.SequenceNode
		if token == '{' {
			node.Kind = yaml.MappingNode
		}
		// The names of an object are values to the decoder, too.
		for r.More() {
			child, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		if _, err := r.Token(); err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
	}
	return node, nil
}

// loneSurrogate tells whether a text escapes half a character, for which
// encoding/json would put another.
func loneSurrogate(data []byte) bool {
	for i := bytes.IndexByte(data, '\\'); i >= 0 && i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if unit := escaped(data[i:]); utf16.IsSurrogate(unit) {
			if utf16.DecodeRune(unit, escaped(data[min(i+6, len(data)):])) == utf8.RuneError {
				return true
			}
			i += len(`\u0000\u0000`) - 1
			continue
		}
		i++
	}
	return false
}

// jsonReason is why a text is no JSON, without a word of it.
func jsonReason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("syntax error at byte %d", syntax.Offset)
	}
	return err.Error()
}
