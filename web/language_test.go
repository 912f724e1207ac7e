package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var placeholder = regexp.MustCompile(`\{[a-z]*\}`)

func testLanguages(t *testing.T) languages {
	t.Helper()
	all, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	t.Parallel()
	all := testLanguages(t).all
	english := all[0]
	if english.tag != "en" {
		t.Fatalf("the language to fall back to is %s, want en", english.tag)
	}
	for _, l := range all[1:] {
		for key, want := range english.messages {
			got, ok := l.messages[key]
			if !ok || strings.TrimSpace(got) == "" {
				t.Errorf("%s lacks %q", l.tag, key)
				continue
			}
			if key == "wait.second" || key == "wait.minute" {
				continue // a language may say one in a word
			}
			in, out := placeholder.FindAllString(want, -1), placeholder.FindAllString(got, -1)
			slices.Sort(in)
			slices.Sort(out)
			if !slices.Equal(in, out) {
				t.Errorf("%s: %q has the placeholders %v, want %v", l.tag, key, out, in)
			}
		}
		for key := range l.messages {
			if _, ok := english.messages[key]; !ok {
				t.Errorf("%s: nobody says %q", l.tag, key)
			}
		}
	}
}

func TestLanguageIsChosenByRequestThenBrowser(t *testing.T) {
	t.Parallel()
	all := testLanguages(t)
	for _, c := range []struct {
		name, uiLocales, accept, want string
	}{
		{"nothing said", "", "", "en"},
		{"browser", "", "de", "de"},
		{"browser with weights", "", "es;q=0.5, fr;q=0.9, en;q=0.1", "fr"},
		{"region", "", "de-AT, en;q=0.5", "de"},
		{"old code of Hebrew", "iw", "", "he"},
		{"request before browser", "es", "de", "es"},
		{"first that is spoken", "ja fr-CA de", "he", "fr"},
		{"none that is spoken", "ja zh-Hant", "he-IL, en;q=0.2", "he"},
		{"not a language tag", "!! de_DE.UTF-8 \x00", "fr", "fr"},
		{"header that is none", "", ";;;,q=,\x01", "en"},
		{"endless header", "", strings.Repeat("de,", 100_000), "en"},
		{"endless request", strings.Repeat("ja ", 5_000) + "de", "", "en"},
		{"unknown everywhere", "ja", "ko", "en"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept-Language", c.accept)
			if got := all.choose(r, strings.Fields(c.uiLocales)); got.tag != c.want {
				t.Errorf("got %s, want %s", got.tag, c.want)
			}
		})
	}
}

func TestWaitIsRoundedUp(t *testing.T) {
	t.Parallel()
	english := testLanguages(t).all[0]
	for d, want := range map[time.Duration]string{
		-time.Second:            "a few seconds",
		0:                       "a few seconds",
		time.Millisecond:        "1 second",
		time.Second:             "1 second",
		1001 * time.Millisecond: "2 seconds",
		90 * time.Second:        "90 seconds",
		91 * time.Second:        "2 minutes",
		5 * time.Minute:         "5 minutes",
	} {
		if got := english.wait(d); got != want {
			t.Errorf("wait(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestValuesCannotTurnASentenceAround(t *testing.T) {
	t.Parallel()
	l := lingo{messages: map[string]string{"k": "to {client} and {account}"}}
	got := l.say("k", "client", "a\u202eb\u2069c\n", "account", "{client}")
	if want := "to \u2068abc\u2069 and \u2068{client}\u2069"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnknownMessagePanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an unknown key was said")
		}
	}()
	lingo{tag: "en"}.say("no.such.key")
}
