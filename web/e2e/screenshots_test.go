package e2e_test

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/web/webtest"
)

// maxPicture keeps the README quick to load.
const maxPicture = 150 << 10 // bytes

// TestScreenshots draws the pictures of the README into the folder that the
// variable SCREENSHOTS names: make screenshots.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		t.Skip("make screenshots draws pictures")
	}
	picture := func(tab *tab, name string) {
		t.Helper()
		file := filepath.Join(folder, name+".png")
		tab.Do(chromedp.Evaluate[chromedp.Void]("document.fonts.ready.then(() => {})", chromedp.EvalAwaitPromise))
		webtest.Screenshot(tab.ctx, t, file, false)
		shrink(t, file)
		if info, err := os.Stat(file); err != nil || info.Size() > maxPicture {
			t.Errorf("%s has %d bytes, more than %d (%v)", file, info.Size(), maxPicture, err)
		}
	}

	h := newHouse(t, "--brand-name", "Larkspur", "--brand-primary-color", "#4b3fa7", "--brand-background-color", "#f7f6fb")
	for _, shot := range []struct {
		name          string
		width, height int64
		language      string
		scheme        string
	}{
		{"sign-in", 1280, 800, "en", "light"},
		{"sign-in-pop-up", 400, 600, "en", "light"},
		{"sign-in-right-to-left", 400, 600, "he", "light"},
		{"sign-in-phone-dark", 375, 667, "en", "dark"},
	} {
		tab := newTab(t)
		tab.Size(shot.width, shot.height, chromedp.EmulateScale(2))
		tab.Language(shot.language)
		tab.Scheme(shot.scheme)
		h.Authorize(tab)
		tab.Do(chromedp.WaitVisible(chromedp.ID("submit")))
		picture(tab, shot.name)
	}
	tab := newTab(t)
	tab.Size(560, 520, chromedp.EmulateScale(1.5))
	tab.Open(h.Issuer+"/authorize", params("client_id", "nobody"))
	picture(tab, "error")

	demonstration(t, newTab(t), picture)
}

// shrink keeps the 256 most frequent colours of a picture, which for text on
// plain grounds are as good as all of them.
func shrink(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[color.Color]int{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			counts[picture.At(x, y)]++
		}
	}
	palette := slices.SortedFunc(maps.Keys(counts), func(a, b color.Color) int { return counts[b] - counts[a] })
	small := image.NewPaletted(bounds, palette[:min(len(palette), 256)])
	draw.Draw(small, bounds, picture, bounds.Min, draw.Src)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	demoAddress  = regexp.MustCompile(`Open (http://localhost:\d+)`)
	demoPassword = regexp.MustCompile(`amelia +(\S+)`)
)

// demonstration draws the brand's page and a conversation window of idp demo.
func demonstration(t *testing.T, tab *tab, picture func(tab *tab, name string)) {
	t.Helper()
	p := startCommand(t, exec.Command(build(t), "demo", "--port", "0"))
	if err := p.Ready(); err != nil {
		t.Fatal(err)
	}
	address, password := demoAddress.FindStringSubmatch(p.Log()), demoPassword.FindStringSubmatch(p.Log())
	if address == nil || password == nil {
		t.Fatalf("no address or no password in:\n%s", p.Log())
	}
	tab.Size(1024, 700, chromedp.EmulateScale(2))
	tab.Open(address[1], nil)
	tab.Do(chromedp.Click(chromedp.ID("sign-in")))
	tab.SignIn("amelia", password[1])
	tab.Do(chromedp.WaitVisible(chromedp.ID("greeting")), chromedp.WaitEnabled(chromedp.ID("external")))
	picture(tab, "demo-brand")

	// As a pop-up it is small; the picture is to show the checks as well.
	window := *tab
	window.ctx = webtest.NewWindow(tab.ctx, t, chromedp.Click(chromedp.ID("external")))
	window.Size(1024, 1500, chromedp.EmulateScale(1.5))
	window.Do(
		chromedp.WaitVisible(chromedp.ID("outcome")), chromedp.WaitVisible(chromedp.ID("chat")),
		chromedp.SendKeys(chromedp.CSS("#write input"), "Hello, what would a second line cost me?\r"), chromedp.WaitVisible(chromedp.CSS("#messages li")),
	)
	if got := strings.TrimSpace(window.Text("outcome")); got != "Authenticated" {
		t.Errorf("the conversation window says %q", got)
	}
	picture(&window, "demo-window")
	p.signal(syscall.SIGINT)
	if code := p.Wait(); code != 0 {
		t.Errorf("after Ctrl-C idp demo ended with code %d", code)
	}
}
