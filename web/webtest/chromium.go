package webtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/storage/storagetest"
)

// tabLimit is how long all that a test does in one tab may take.
const tabLimit = 5 * time.Minute

// sharedChromium is the process's one Chromium, started by the first test that asks for a
// tab and ended by Run. A start costs seconds of CPU; a profile next to nothing.
var sharedChromium struct { //nolint:gochecknoglobals // one Chromium per process is the purpose
	sync.Mutex

	run     bool
	browser context.Context //nolint:containedctx // a browser of chromedp is a context
	end     func()
	err     error
}

// Main runs a package's tests, ends Chromium, leaves the database server, and exits.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package that has something of its own to clear away afterwards:
// it returns the exit code. M is a *testing.M, or something that runs one.
func Run(m interface{ Run() int }) int {
	sharedChromium.Lock()
	sharedChromium.run = true
	sharedChromium.Unlock()
	code := storagetest.Run(m)
	sharedChromium.Lock()
	defer sharedChromium.Unlock()
	if sharedChromium.end != nil {
		sharedChromium.end()
	}
	return code
}

// Chromium gives a tab of the package's headless Chromium, for chromedp.Do and Run.
// It has a profile of its own, which shares no cookies with others, and ends with
// the test. With -short the test is skipped; without a Chromium on the machine it
// fails. The package's TestMain calls Main or Run.
func Chromium(tb testing.TB) context.Context {
	tb.Helper()
	if testing.Short() {
		tb.Skip("no browser with -short")
	}
	browser, err := join()
	if err != nil {
		tb.Fatal(err)
	}
	// Not tb.Context, which ends before the tab can be closed in order.
	limited, cancelLimit := context.WithTimeout(browser, tabLimit)
	tab, cancel := newTab(limited, chromedp.WithNewBrowserContext())
	tb.Cleanup(func() {
		cancel()
		cancelLimit()
	})
	if err := chromedp.Do(tab); err != nil {
		tb.Fatalf("open a tab: %v", err)
	}
	return tab
}

// join starts the process's Chromium once.
func join() (context.Context, error) {
	sharedChromium.Lock()
	defer sharedChromium.Unlock()
	switch {
	case !sharedChromium.run:
		return nil, errors.New("this package needs: func TestMain(m *testing.M) { webtest.Main(m) }")
	case sharedChromium.browser == nil && sharedChromium.err == nil:
		sharedChromium.browser, sharedChromium.end, sharedChromium.err = startChromium() //nolint:fatcontext // once a process
	}
	return sharedChromium.browser, sharedChromium.err
}

// startChromium starts one with a folder of its own, and gives what ends it.
func startChromium() (context.Context, func(), error) {
	program, err := findChromium()
	if err != nil {
		return nil, nil, err
	}
	folder, err := os.MkdirTemp("", "idp-chromium-")
	if err != nil {
		return nil, nil, fmt.Errorf("make Chromium's folder: %w", err)
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(folder), chromedp.WindowSize(1280, 900),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// The people of the tests read English, and a test asks for other languages itself.
		chromedp.Flag("lang", "en-US"), chromedp.WSURLReadTimeout(tabLimit/2),
		// Each site is a process of its own, as in everybody's browser and not by
		// itself in the headless shell: see Frame.
		chromedp.Flag("site-per-process", true),
	)...)
	ctx, cancel := chromedp.NewContext(allocator)
	end := func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		cancelAllocator()
		removeFolder(folder)
	}
	if err := chromedp.Do(ctx); err != nil {
		end()
		return nil, nil, fmt.Errorf("start Chromium: %w", err)
	}
	return ctx, end, nil
}

// NewWindow does what opens another window, such as a click on a link with a
// target or a call of window.open, and gives that window's tab once a page has
// settled in it: chromedp 0.23 is not safe against what a page does meanwhile.
func NewWindow(ctx context.Context, tb testing.TB, open ...chromedp.Action[chromedp.Void]) context.Context {
	tb.Helper()
	profile, err := profileOf(ctx)
	if err != nil {
		tb.Fatalf("open a window: %v", err)
	}
	// Other tests may open tabs in the same browser at this moment.
	opened := chromedp.WaitNewTarget(ctx, func(info *target.Info) bool {
		return info.Type == "page" && info.BrowserContextID == profile
	})
	if err := chromedp.Do(ctx, open...); err != nil {
		tb.Fatalf("open a window: %v", err)
	}
	select {
	case id := <-opened:
		if err := settled(ctx, id); err != nil {
			tb.Fatalf("wait for the page of a window: %v", err)
		}
		return attach(ctx, tb, id)
	case <-ctx.Done():
		tb.Fatalf("open a window: %v", ctx.Err())
		return nil
	}
}

// Frame gives the frame of another site on a page of the tab's profile, of which
// there must be one alone, as a tab of its own: the browser keeps the two apart.
func Frame(ctx context.Context, tb testing.TB) context.Context {
	tb.Helper()
	const interval = 50 * time.Millisecond
	profile, err := profileOf(ctx)
	if err != nil {
		tb.Fatalf("find a frame: %v", err)
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		all, err := chromedp.Targets(ctx)
		if err != nil {
			tb.Fatalf("find a frame: %v", err)
		}
		for _, info := range all {
			if info.Type == "iframe" && info.BrowserContextID == profile {
				return attach(ctx, tb, info.TargetID)
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			tb.Fatalf("find a frame: %v", ctx.Err())
		}
	}
}

// profileOf tells to which of the browser's profiles a tab belongs.
func profileOf(ctx context.Context) (cdp.BrowserContextID, error) {
	all, err := chromedp.Targets(ctx)
	if err != nil {
		return "", fmt.Errorf("list tabs: %w", err)
	}
	own := chromedp.FromContext(ctx).Target.TargetID
	for _, info := range all {
		if info.TargetID == own {
			return info.BrowserContextID, nil
		}
	}
	return "", errors.New("the tab is not there")
}

// attach gives a window's tab. chromedp may miss what the page does meanwhile, and
// would then find nothing in it for ever: so it is asked for the page's root, and
// attached again if it does not see that.
func attach(ctx context.Context, tb testing.TB, id target.ID) context.Context {
	tb.Helper()
	const attempts, limit = 5, 5 * time.Second
	var err error
	for range attempts {
		window, cancel := newTab(ctx, chromedp.WithTargetID(id), chromedp.WithDetachOnCancel())
		if err = chromedp.Do(window); err == nil {
			bounded, done := context.WithTimeout(window, limit)
			err = chromedp.Do(bounded, chromedp.WaitReady(chromedp.CSS("html")))
			done()
		}
		if err == nil {
			tb.Cleanup(cancel)
			return window
		}
		cancel()
	}
	tb.Fatalf("attach to the window: %v", err)
	return nil
}

// settled waits until a tab has shown one page for half a second.
func settled(ctx context.Context, id target.ID) error {
	const same, interval = 5, 100 * time.Millisecond
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var shown string
	for seen := 0; seen < same; {
		all, err := chromedp.Targets(ctx)
		if err != nil {
			return fmt.Errorf("list tabs: %w", err)
		}
		for _, info := range all {
			now := info.URL + "\n" + info.Title
			switch {
			case info.TargetID != id:
			case info.URL == "" || info.URL == "about:blank" || now != shown:
				shown, seen = now, 0
			default:
				seen++
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}

// Screenshot writes what the tab shows to a PNG file, the whole page or what is
// in view.
func Screenshot(ctx context.Context, tb testing.TB, file string, whole bool) {
	tb.Helper()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755) //nolint:gosec // pictures are for everybody
	}
	if err == nil {
		err = os.WriteFile(file, shot.Data, 0o644) //nolint:gosec // as above
	}
	if err != nil {
		tb.Fatalf("screenshot: %v", err)
	}
}

// console collects what a tab complains about.
type console struct {
	mu    sync.Mutex
	lines []string
}

type consoleKey struct{}

// newTab makes a tab whose console is collected from its first moment on.
func newTab(parent context.Context, opts ...chromedp.ContextOption) (context.Context, context.CancelFunc) {
	c := &console{}
	ctx, cancel := chromedp.NewContext(parent, append(opts, chromedp.WithListener(c.listen))...)
	return context.WithValue(ctx, consoleKey{}, c), cancel
}

// listen keeps errors alone: what a script threw or logged as an error, and what
// the browser itself reports, such as violations of a content security policy
// and answers with status 400 and above.
func (c *console) listen(event any) {
	switch event := event.(type) {
	case *runtime.EventExceptionThrown:
		c.add("exception: " + (&chromedp.ExceptionError{ExceptionDetails: event.ExceptionDetails}).Error())
	case *runtime.EventConsoleAPICalled:
		if event.Type == runtime.ConsoleAPICalledTypeError || event.Type == runtime.ConsoleAPICalledTypeAssert {
			words := make([]string, len(event.Args))
			for i, arg := range event.Args {
				words[i] = string(arg.Value) + arg.Description
			}
			c.add("console: " + strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if event.Entry.Level == log.EntryLevelError {
			c.add(fmt.Sprintf("%s: %s %s", event.Entry.Source, event.Entry.Text, event.Entry.URL))
		}
	}
}

func (c *console) add(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
}

// ConsoleErrors gives the errors in the console of a tab of Chromium or
// NewWindow since the last call: exceptions, violations of content security
// policies, failed requests.
func ConsoleErrors(ctx context.Context) []string {
	c, ok := ctx.Value(consoleKey{}).(*console)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// findChromium prefers the headless shell: the same pages without the windows and
// menus around them, for which the whole browser takes three times as much CPU.
func findChromium() (string, error) {
	for _, name := range []string{
		"chromium-headless-shell", "chrome-headless-shell", "headless-shell", "headless_shell",
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
	} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", errors.New("no Chromium in PATH: install it (Debian: apt-get install chromium-headless-shell), or run the tests with -short")
}

// removeFolder waits for the children of a browser that has just ended.
func removeFolder(folder string) {
	const attempts, wait = 50, 100 * time.Millisecond
	var err error
	for range attempts {
		if err = os.RemoveAll(folder); err == nil {
			return
		}
		time.Sleep(wait)
	}
	fmt.Fprintln(os.Stderr, "webtest: remove Chromium's folder:", err)
}
