package builtin

import (
	"os"
	"strings"
	"testing"
)

func TestLogHoldsNoPersonalData(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t), Disposable: true})
	conn := connect(t, s.URL())
	execute(t, conn, "create table people (email text unique)")
	for range 2 {
		_, _ = conn.Exec(t.Context(), "insert into people values ('amelia@brand.example')")
	}
	_, _ = conn.Exec(t.Context(), "select 'amelia@brand.example'::int")
	text, err := os.ReadFile(s.folder.log())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "amelia") {
		t.Errorf("log:\n%s", text)
	}
}

func TestLogIsBounded(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t), Disposable: true})
	if err := os.Truncate(s.folder.log(), maxLog+1); err != nil {
		t.Fatal(err)
	}
	if err := s.locked(t.Context(), s.boundLog); err != nil {
		t.Fatal(err)
	}
	var sizes [2]int64
	for i, path := range []string{s.folder.log(), s.folder.oldLog()} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sizes[i] = info.Size()
	}
	if sizes[0] >= maxLog || sizes[1] <= maxLog {
		t.Errorf("sizes of log and old log = %v", sizes)
	}
}
