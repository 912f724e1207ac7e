package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage/storagetest"
)

const (
	fewImportLines = 200_000
	importMemory   = 200 << 20 // bytes
)

// importLines is how long the file of TestKilledImport is; IDP_TEST_IMPORT has
// another number.
func importLines(t *testing.T) int {
	t.Helper()
	text := os.Getenv("IDP_TEST_IMPORT")
	if text == "" {
		return fewImportLines
	}
	lines, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// unusable tells which lines have no name.
func unusable(i int) bool { return i%1000 == 17 }

const importedHash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NT%09dw"

// importedLine is a line of the file.
func importedLine(i int) string {
	name := fmt.Sprintf(`"external_id":"crm-%09d","username":"user%d",`, i, i)
	if unusable(i) {
		name = ""
	}
	return fmt.Sprintf(`{%s"password_hash":"`+importedHash+`","claims":{"email":"user%d@brand.example","email_verified":true},`+
		`"customer_info":{"customerId":"%d","balance":%v}}`+"\n", name, i, i, i, float64(i)/4)
}

// importedRow is what importedRows gives for it.
func importedRow(i int) string {
	return fmt.Sprintf("crm-%09d user%d "+importedHash+" user%d@brand.example true %d %v user%d user%d@brand.example", i, i, i, i, i, float64(i)/4, i, i)
}

const importedRows = `select concat_ws(' ', external_id, username, password_hash, claims->>'email', claims->>'email_verified',
	customer_info->>'customerId', customer_info->>'balance',
	(select string_agg(identifier, ' ' order by identifier) from identifiers i where i.consumer_id = c.id)) from consumers c order by external_id`

// An import that is killed at twenty moments, spread over all of it, ends with
// exactly the lines of the file, and never needs much memory.
func TestKilledImport(t *testing.T) {
	t.Parallel()
	lines := importLines(t)
	file, url := filepath.Join(t.TempDir(), "consumers.jsonl"), storagetest.New(t)
	writeImport(t, file, lines)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing is left to do

	args := []string{"consumer", "import", file, "--database-url", url, "--data-dir", t.TempDir(), "--json", "--no-progress"}
	const kills = 20
	var peak int64
	for kill := range kills {
		cmd := exec.Command(buildPlain(t), args...)
		cmd.Env = environment()
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		waitForImport(t, conn, int64((float64(kill)+rand.Float64())/kills*float64(lines)), ended)
		time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond)))) // the moment is to be any
		_, _ = cmd.Process.Kill(), <-ended                                   // it may have ended
		peak = max(peak, peakMemory(cmd))
	}
	begin := time.Now()
	cmd := exec.Command(buildPlain(t), args...)
	cmd.Env = environment()
	out, _ := cmd.Output() // some lines are refused
	peak = max(peak, peakMemory(cmd))
	t.Logf("%d lines, the last run %v, at most %d MB", lines, time.Since(begin).Round(time.Millisecond), peak>>20)
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit code %d, want 1 for refused lines", cmd.ProcessState.ExitCode())
	}
	if peak > importMemory {
		t.Errorf("%d MB of memory", peak>>20)
	}
	verifyImport(t, conn, lines, out, file+".refused.jsonl")
}

// peakMemory is the most memory that a command had, in bytes.
func peakMemory(cmd *exec.Cmd) int64 {
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss << 10
	}
	return 0
}

func writeImport(t *testing.T, name string, lines int) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	for i := range lines {
		if _, err := w.WriteString(importedLine(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// waitForImport waits until so many lines are in the database, or the import ends.
func waitForImport(t *testing.T, conn *pgx.Conn, lines int64, ended chan error) {
	t.Helper()
	limit := time.Now().Add(startLimit + time.Duration(lines)*time.Millisecond)
	for {
		var done int64
		if err := conn.QueryRow(t.Context(), "select coalesce(max(lines), 0) from import_jobs").Scan(&done); err != nil {
			t.Fatal(err)
		}
		if done >= lines {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			return
		case <-time.After(20 * time.Millisecond): // between looks at another process
		}
		if time.Now().After(limit) {
			t.Fatalf("%d of %d lines", done, lines)
		}
	}
}

// verifyImport compares each row with its line.
func verifyImport(t *testing.T, conn *pgx.Conn, lines int, out []byte, report string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), importedRows)
	if err != nil {
		t.Fatal(err)
	}
	i, refused := 0, int64(0)
	next := func() string {
		for ; unusable(i) && i < lines; i++ {
			refused++
		}
		i++
		return importedRow(i - 1)
	}
	var got string
	_, err = pgx.ForEachRow(rows, []any{&got}, func() error {
		if want := next(); got != want {
			return fmt.Errorf("%s, want %s", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if next(); i != lines+1 {
		t.Errorf("%d rows for %d lines", i-1, lines)
	}
	var summary struct {
		Lines     int64 `json:"lines"`
		Created   int64 `json:"created"`
		Updated   int64 `json:"updated"`
		Unchanged int64 `json:"unchanged"`
		Refused   int64 `json:"refused"`
	}
	if err := json.Unmarshal(out, &summary); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	// The last that was killed may have been done just before; then this one has found
	// all of it.
	taken := int64(lines) - refused
	if summary.Created != taken && summary.Unchanged != taken || summary.Created+summary.Unchanged != taken ||
		summary.Updated != 0 || summary.Refused != refused || summary.Lines != int64(lines) {
		t.Errorf("summary %+v, want %d created and %d refused", summary, taken, refused)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		if want := fmt.Sprintf(`{"line":%d,"pointer":"","rule":"must have a sub,`, n*1000+18); !strings.HasPrefix(line, want) {
			t.Fatalf("report: %s, want %s", line, want)
		}
		n++
	}
	if int64(n) != refused {
		t.Errorf("%d lines are reported, want %d", n, refused)
	}
}
