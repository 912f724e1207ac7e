package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/language"
)

//go:embed languages/*.json
var languageFiles embed.FS

// lingo is one language of the pages.
type lingo struct {
	// tag is the value of lang and Content-Language, dir that of dir.
	tag, dir string
	messages map[string]string
}

// languages are the languages of the pages with the matcher that chooses.
type languages struct {
	all     []lingo
	matcher language.Matcher
}

// newLanguages reads the catalogues. English comes first: the matcher falls
// back to the first. They are the same for every brand.
var newLanguages = sync.OnceValues(func() (languages, error) { //nolint:gochecknoglobals // never changes
	known := []struct{ tag, dir string }{
		{"en", "ltr"}, {"de", "ltr"}, {"es", "ltr"}, {"fr", "ltr"}, {"he", "rtl"},
	}
	var (
		result languages
		tags   = make([]language.Tag, 0, len(known))
	)
	for _, k := range known {
		content, err := languageFiles.ReadFile("languages/" + k.tag + ".json")
		if err != nil {
			return languages{}, fmt.Errorf("read language %s: %w", k.tag, err)
		}
		l := lingo{tag: k.tag, dir: k.dir}
		if err := json.Unmarshal(content, &l.messages); err != nil {
			return languages{}, fmt.Errorf("read language %s: %w", k.tag, err)
		}
		result.all = append(result.all, l)
		tags = append(tags, language.MustParse(k.tag))
	}
	result.matcher = language.NewMatcher(tags)
	return result, nil
})

// The most that is looked at of what a request says about languages.
const (
	maxLocales        = 16
	maxAcceptLanguage = 1024 // bytes
)

// choose returns the language of a response: the first of ui_locales that the
// pages speak (OpenID Connect Core 1.0, section 3.1.2.1), else what the browser
// asks for, else English.
func (l languages) choose(r *http.Request, uiLocales []string) lingo {
	var wanted []language.Tag
	for _, locale := range uiLocales[:min(len(uiLocales), maxLocales)] {
		if tag, err := language.Parse(locale); err == nil {
			wanted = append(wanted, tag)
		}
	}
	if _, index, confidence := l.matcher.Match(wanted...); confidence > language.No {
		return l.all[index]
	}
	accepted := r.Header.Get("Accept-Language")
	if len(accepted) > maxAcceptLanguage {
		accepted = ""
	}
	// A header that cannot be read counts for as much as could be.
	wanted, _, _ = language.ParseAcceptLanguage(accepted)
	_, index, _ := l.matcher.Match(wanted...)
	return l.all[index]
}

// say returns a message with its placeholders filled: pairs are names and
// values. Each value is isolated, so that a Latin name in a Hebrew sentence, or
// the other way round, stays in its place. A key is a constant of ours, and a
// key without a message a mistake that the tests find: say panics.
func (l lingo) say(key string, pairs ...string) string {
	message, ok := l.messages[key]
	if !ok {
		panic(fmt.Sprintf("no message %q in language %s", key, l.tag))
	}
	replacements := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replacements = append(replacements, "{"+pairs[i]+"}", isolate(pairs[i+1]))
	}
	return strings.NewReplacer(replacements...).Replace(message)
}

// isolate wraps a value in the directional isolates of Unicode (UAX #9,
// section 2.4) and takes out controls that could break or mimic them.
func isolate(value string) string {
	const first, pop = "\u2068", "\u2069"
	value = strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Bidi_Control, c) || unicode.IsControl(c) {
			return -1
		}
		return c
	}, value)
	return first + value + pop
}

// wait says how long somebody has to wait, rounded up: in seconds up to a
// minute and a half, then in minutes. Every language so far tells one from many.
func (l lingo) wait(d time.Duration) string {
	key, n := "wait.unknown", 0
	switch {
	case d <= 0:
	case d <= 90*time.Second:
		key, n = "wait.second", wholeSeconds(d)
	default:
		key, n = "wait.minute", int((d+time.Minute-1)/time.Minute)
	}
	if n > 1 {
		key += "s"
	}
	return strings.ReplaceAll(l.messages[key], "{n}", strconv.Itoa(n))
}
