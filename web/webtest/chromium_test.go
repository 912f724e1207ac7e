package webtest_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/web/webtest"
)

func TestChromium(t *testing.T) {
	t.Parallel()
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/other" {
			_, _ = w.Write([]byte(`<!doctype html><h1>Other</h1>`))
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		_, _ = w.Write([]byte(`<!doctype html><title>First</title><link rel="icon" href="data:,"><script>x</script><a id="open" href="/other" target="_blank">Open</a>`))
	}))
	t.Cleanup(site.Close)
	tab := webtest.Chromium(t)
	if err := chromedp.Do(tab, chromedp.Navigate(site.URL)); err != nil {
		t.Fatal(err)
	}
	if title, err := chromedp.Run(tab, chromedp.Title()); err != nil || title != "First" {
		t.Errorf("title %q, error %v", title, err)
	}
	if errors := webtest.ConsoleErrors(tab); !strings.Contains(strings.Join(errors, "\n"), "Content Security Policy") {
		t.Errorf("console errors %q say nothing of the violated policy", errors)
	}
	window := webtest.NewWindow(tab, t, chromedp.Click(chromedp.CSS("#open")))
	if heading, err := chromedp.Run(window, chromedp.Text(chromedp.CSS("h1"))); err != nil || heading != "Other" {
		t.Errorf("heading of the new window %q, error %v", heading, err)
	}
	file := filepath.Join(t.TempDir(), "pictures", "other.png")
	webtest.Screenshot(window, t, file, true)
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("screenshot: %v", err)
	}
}
