package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/cmd/idp/config"
)

// talk is a command that somebody answers.
type talk struct {
	t      *testing.T
	in     *io.PipeWriter
	out    *bufio.Reader
	cancel context.CancelFunc
	ended  chan int
	errors strings.Builder
}

func (i *installation) talk(args ...string) *talk {
	ctx, cancel := context.WithCancel(i.t.Context())
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	c := &talk{t: i.t, in: in, out: bufio.NewReader(out), cancel: cancel, ended: make(chan int, 1)}

	go func() {
		code := run(ctx, config.Inputs{Environ: append([]string{"HOME=/home/amelia"}, i.environ...), UserID: 1000}, args, stdin, stdout, &c.errors)
		_ = stdout.Close() // never fails
		_ = stdin.Close()  // as above
		c.ended <- code
	}()

	return c
}

// until reads up to a line that begins with text, and gives what came before it.
func (c *talk) until(text string) string {
	c.t.Helper()

	var read strings.Builder

	for {
		line, err := c.out.ReadString('\n')
		if strings.HasPrefix(line, text) {
			return read.String()
		}

		read.WriteString(line)

		if err != nil {
			c.t.Fatalf("no line %q in %q; %s", text, read.String(), c.errors.String())
		}
	}
}

func (c *talk) say(line string) {
	c.t.Helper()

	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// end reads what is left, and gives it with the exit code.
func (c *talk) end() result {
	c.t.Helper()

	rest, err := io.ReadAll(c.out)
	if err != nil {
		c.t.Fatal(err)
	}

	code := <-c.ended

	return result{code: code, stdout: string(rest), stderr: c.errors.String()}
}

// pasteHere is how the command asks.
const pasteHere = "Once it is saved"

// lineOf is the line that has to be pasted, in what a command has printed.
func lineOf(t *testing.T, printed string) string {
	t.Helper()

	for line := range strings.Lines(printed) {
		if strings.HasPrefix(line, "MIIB") {
			return strings.TrimSpace(line)
		}
	}

	t.Fatalf("no line to paste in %q", printed)

	return ""
}

// TestPastedKeyIsRotated leads somebody through, who pastes the wrong thing first, goes
// away, and comes back.
func TestPastedKeyIsRotated(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	wantStates := func(want ...string) {
		t.Helper()

		if _, got := states(t, i, "--client", "messaging-code"); !cmp.Equal(got, want) {
			t.Errorf("states %v, want %v", got, want)
		}
	}
	pasted := func() string {
		return strings.TrimSpace(i.run("", "key", "export", "--client", "messaging-code", "--format", "one-line").stdout)
	}
	old := pasted()

	first := i.talk("connector", "rotate", "messaging-code")
	line := lineOf(t, first.until(pasteHere))

	first.say("it is saved")

	if again := first.until(pasteHere); !strings.Contains(again, "Not yet: that is not one line of base64") {
		t.Errorf("%q", again)
	}

	first.say(old)

	if again := first.until(pasteHere); !strings.Contains(again, "Not yet: that is the public key of another key") {
		t.Errorf("%q", again)
	}

	wantStates("active", "published")
	first.cancel()

	if left := first.end(); left.code != 1 || !strings.Contains(left.stdout, "signs as before") || !strings.Contains(left.stdout, "go on: idp connector rotate messaging-code") {
		t.Errorf("%+v", left)
	}

	wantStates("active", "published")

	if none := i.run("", "connector", "rotate", "messaging-code", "--back"); none.code != 1 || !strings.Contains(none.stderr, "signs as before: nothing has to be taken back") {
		t.Errorf("%+v", none)
	}

	second := i.talk("connector", "rotate", "messaging-code")
	if same := lineOf(t, second.until(pasteHere)); same != line {
		t.Errorf("another key: %s", same)
	}

	second.say(line)

	if done := second.end(); done.code != 0 || !strings.Contains(done.stdout, "a token of it verifies by what was pasted") {
		t.Errorf("%+v", done)
	}

	wantStates("retired", "active")

	if pasted() != line {
		t.Error("another key signs")
	}

	// Run again by mistake.
	if again := i.run("no\n", "connector", "rotate", "messaging-code"); again.code != 1 || !strings.Contains(again.stderr, "nothing was changed") {
		t.Errorf("%+v", again)
	}

	undecided := i.talk("connector", "rotate", "messaging-code", "--back")
	undecided.until(pasteHere)
	undecided.cancel()

	if left := undecided.end(); left.code != 1 || !strings.Contains(left.stdout, "go on: idp connector rotate messaging-code --back\n") {
		t.Errorf("%+v", left)
	}

	back := i.talk("connector", "rotate", "messaging-code", "--back")
	if before := lineOf(t, back.until(pasteHere)); before != old {
		t.Errorf("back to another key: %s", before)
	}

	back.say(old)

	if done := back.end(); done.code != 0 || pasted() != old {
		t.Errorf("%+v", done)
	}

	wantStates("active", "retired")
}

func TestPastedKeyIsRotatedInSteps(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	step := func(name string) (view rotationView) {
		t.Helper()
		decode(t, i.run("", "connector", "rotate", "messaging-code", "--step", name, "--json"), &view)

		return view
	}

	if early := i.run("", "connector", "rotate", "messaging-code", "--step", "activate"); early.code != 1 || !strings.Contains(early.stderr, "--step publish makes one") {
		t.Errorf("%+v", early)
	}

	published := step("publish")
	if again := step("publish"); again != published || published.Next == "" || published.Signs == "" || published.Before != "" {
		t.Errorf("%+v, again %+v", published, again)
	}

	want := rotationView{ClientID: "messaging-code", Signs: published.Next, Before: published.Signs, Paste: published.Paste}
	if active := step("activate"); active != want {
		t.Errorf("%+v, want %+v", active, want)
	}

	if back := step("back"); back.Signs != published.Signs || back.Next != published.Next || back.Paste == published.Paste {
		t.Errorf("%+v", back)
	}
}

// TestNobodyIsThereToBeLed has standard input at its end, as it is in a job or a
// container.
func TestNobodyIsThereToBeLed(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	nothing, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nothing.Close() }) // never fails

	var stdout, stderr strings.Builder

	code := run(t.Context(), config.Inputs{Environ: append([]string{"HOME=/home/amelia"}, i.environ...), UserID: 1000},
		[]string{"connector", "rotate", "messaging-code"}, nothing, &stdout, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "standard input has ended: nobody can be led; idp connector rotate messaging-code --step publish") {
		t.Errorf("%d, %s%s", code, stdout.String(), stderr.String())
	}

	if _, got := states(t, i, "--client", "messaging-code"); !cmp.Equal(got, []string{"active"}) {
		t.Errorf("states %v", got)
	}
}

// TestConnectorThatReadsKeysIsRotated has nothing to paste, and to wait.
func TestConnectorThatReadsKeysIsRotated(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	reads := strings.Replace(brandYAML, "variant: rfc", "variant: rfc, idp_certificate_type: jwks_endpoint", 1)

	if applied := i.run(reads, "apply", "-f", "-"); applied.code != 0 || reads == brandYAML {
		t.Fatalf("%+v", applied)
	}

	if got := i.run("", "connector", "rotate", "messaging-code"); got.code != 0 || !strings.Contains(got.stdout, "Nothing has to be pasted") || !strings.Contains(got.stdout, "It may sign from 20") {
		t.Errorf("%+v", got)
	}

	step := i.run("", "connector", "rotate", "messaging-code", "--step", "publish", "--json")

	var view rotationView

	decode(t, step, &view)

	if strings.Contains(step.stdout, "paste") || view.Next == "" || view.MaySignFrom.IsZero() {
		t.Errorf("%+v", step)
	}

	from := "It may sign from " + view.MaySignFrom.Format(time.RFC3339) + " on: idp connector rotate messaging-code --step activate\n"
	if got := i.run("", "connector", "rotate", "messaging-code", "--step", "publish"); got.code != 0 || !strings.HasSuffix(got.stdout, from) || strings.Contains(got.stdout, "by this one line") {
		t.Errorf("want %q: %+v", from, got)
	}

	if got := i.run("", "connector", "rotate", "messaging-code", "--step", "activate"); got.code != 1 || !strings.Contains(got.stderr, "would break messaging-code") {
		t.Errorf("%+v", got)
	}
}

func TestConnectorRotateRefuses(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	for args, want := range map[string]string{
		"":                           "takes one argument, the client_id",
		"nobody":                     `client "nobody": not found; idp client list shows all`,
		"site":                       "are signed by the provider's keys",
		"messaging-code --back":      "there is no key to go back to",
		"messaging-code --json":      "--json: for --step alone",
		"messaging-code --step jump": "--step: must be one of publish, activate, back",
	} {
		if got := i.run("", append([]string{"connector", "rotate"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
