package brandfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseSyntax reads YAML, or JSON, into a tree that knows its lines. The tree is
// nil if there are faults.
func (d *decoder) parseSyntax(data []byte) *yaml.Node {
	if len(data) > MaxBytes {
		d.fault(1, "", "must be at most "+strconv.Itoa(MaxBytes>>20)+" MiB long")
		return nil
	}
	if at := firstUnreadable(data); at < len(data) {
		d.fault(1+bytes.Count(data[:at], []byte("\n")), "", "must be UTF-8 text without control characters")
		return nil
	}
	if json.Valid(data) {
		data = joinSurrogates(data)
	}
	documents := yaml.NewDecoder(bytes.NewReader(data))
	var document, second yaml.Node
	switch err := documents.Decode(&document); {
	case errors.Is(err, io.EOF):
		d.fault(1, "", "must have clients or consumers")
		return nil
	case err != nil:
		d.syntaxFault(data, err)
		return nil
	}
	switch err := documents.Decode(&second); {
	case errors.Is(err, io.EOF):
		return document.Content[0]
	case err != nil:
		d.syntaxFault(data, err)
	default:
		d.fault(second.Line, "", "must be one YAML document: nothing may follow a line of ---")
	}
	return nil
}

var (
	errorLine     = regexp.MustCompile(`^line (\d+): `)
	unknownAnchor = regexp.MustCompile(`unknown anchor '(.*)' referenced`)
)

// blockReasons are the YAML parser's reasons that count the line from zero; it is
// the line on which the block or list begins that goes wrong later.
var blockReasons = []string{
	"did not find expected key", "did not find expected '-' indicator",
	"did not find expected ',' or ']'", "did not find expected ',' or '}'",
}

// syntaxFault notes what the YAML parser found. All its reasons are fixed texts
// but the one that quotes the file, which happens where a password begins with an
// asterisk.
func (d *decoder) syntaxFault(data []byte, err error) {
	reason := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := unknownAnchor.FindStringSubmatch(reason); m != nil {
		before, _, _ := strings.Cut(string(data), "*"+m[1])
		d.fault(1+strings.Count(before, "\n"), "", "must be YAML or JSON: text that begins with * has to be in quotes")
		return
	}
	line := 1
	if m := errorLine.FindStringSubmatch(reason); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits
		reason = strings.TrimPrefix(reason, m[0])
	}
	if tab := tabbedLine(data, line, reason); tab > 0 {
		d.fault(tab, "", "must be indented with spaces: YAML takes no tabs")
		return
	}
	if slices.Contains(blockReasons, reason) {
		line++
		reason += " in what begins on this line"
	}
	d.fault(line, "", "must be YAML or JSON: "+reason)
}

// tabbedLine is the line indented with a tab that the parser stumbled over, or 0.
// One of its reasons counts the line from zero.
func tabbedLine(data []byte, line int, reason string) int {
	if reason == "found a tab character that violates indentation" {
		line++
	} else if reason != "found character that cannot start any token" {
		return 0
	}
	lines := bytes.Split(data, []byte("\n"))
	if line > len(lines) || !bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t")) {
		return 0
	}
	return line
}

// firstUnreadable is where data stops being text, its length if it does not.
func firstUnreadable(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size <= 1 || r == 0x7f || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return i
		}
		i += size
	}
	return len(data)
}

// joinSurrogates writes the characters beyond U+FFFF of a JSON document, which
// JSON escapes as two halves and YAML does not know, as themselves.
func joinSurrogates(data []byte) []byte {
	if !bytes.Contains(data, []byte(`\u`)) {
		return data
	}
	joined := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' { // outside a string JSON has no backslash
			joined = append(joined, data[i])
			continue
		}
		if r := utf16.DecodeRune(escaped(data[i:]), escaped(data[min(i+6, len(data)):])); r != utf8.RuneError {
			joined = utf8.AppendRune(joined, r)
			i += len(`\u0000\u0000`) - 1
			continue
		}
		joined = append(joined, data[i], data[i+1]) // a backslash is never last in JSON
		i++
	}
	return joined
}

// escaped is the UTF-16 unit that data begins with as an escape \uXXXX, or -1.
func escaped(data []byte) rune {
	if len(data) < len(`\u0000`) || data[0] != '\\' || data[1] != 'u' {
		return -1
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
