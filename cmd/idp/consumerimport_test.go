package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const consumersJSONL = `{"external_id":"crm-1","username":"amelia","password":"correct horse battery","claims":{"email":"amelia@brand.example","email_verified":true}}
{"external_id":"crm-2","username":"rory","password_hash":"$2y$05$oocVg9fYapItNyAiIxR8t.VDaoRcdTUwaZTUTfWbsbxmz0qbRxMwm"}
`

func TestConsumerImport(t *testing.T) {
	t.Parallel()
	inst := newInstallation(t)
	file := inst.write("consumers.jsonl", consumersJSONL)
	report := file + ".refused.jsonl"

	if got := inst.run("", "consumer", "import", file, "--dry-run"); got.code != exitRefused || !strings.Contains(got.stderr, "idp migrate up") {
		t.Errorf("dry run without a schema: %+v", got)
	}

	// The schema is made; one line is refused without the flag, and said so.
	got := inst.run("", "consumer", "import", file)
	if got.code != exitRefused || !strings.Contains(got.stdout, "Imported: 1 created, 0 updated, 0 unchanged, 1 refused, of 2 lines.") ||
		!strings.Contains(got.stderr, "lines refused: 1; "+report+" tells why") {
		t.Errorf("%+v", got)
	}

	text, err := os.ReadFile(report)
	if err != nil || string(text) != `{"line":1,"pointer":"/password","rule":"must be hashed by whoever imports: use --hash-passwords, or give password_hash"}`+"\n" {
		t.Errorf("report %s, %v", text, err)
	}

	if info, err := os.Stat(report); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("report: %v, %v", info, err)
	}

	got = inst.run("", "consumer", "import", file, "--hash-passwords", "--dry-run")
	if got.code != exitDone || !strings.Contains(got.stderr, "Passwords to be hashed: 1 at most, about ") || !strings.Contains(got.stdout, "Dry run, nothing was changed: 1 created, 0 updated, 1 unchanged") {
		t.Errorf("dry run: %+v", got)
	}

	got = inst.run(consumersJSONL, "consumer", "import", "-", "--hash-passwords", "--json", "--report", filepath.Join(inst.dir, "r"))

	var summary importSummary
	if err := json.Unmarshal([]byte(got.stdout), &summary); err != nil || got.code != exitDone || summary.Created != 1 || summary.Unchanged != 1 || summary.Lines != 2 || !summary.Complete {
		t.Errorf("from standard input: %+v, %v", got, err)
	}

	if got := inst.run("", "consumer", "show", "amelia", "--json"); !strings.Contains(got.stdout, `"has_password": true`) || !strings.Contains(got.stdout, `"managed_by": "import"`) {
		t.Errorf("amelia: %+v", got)
	}
}

// What an import leaves undone, or cannot do, is said for what it is.
func TestConsumerImportSaysWhatItDoesNotDo(t *testing.T) {
	t.Parallel()
	inst := newInstallation(t)
	inst.run(`{"username":"amelia"}`, "consumer", "import", "-")

	again := []string{"consumer", "import", "-", "--hash-passwords"}
	if got := inst.run(consumersJSONL, again...); got.code != exitDone || !strings.Contains(got.stdout, "Passwords that were not set: 1. ") {
		t.Errorf("%+v", got)
	}

	if got := inst.run(consumersJSONL, append(again, "--reset-passwords")...); got.code != exitDone || strings.Contains(got.stdout, "not set") {
		t.Errorf("%+v", got)
	}

	got := inst.run("\xef\xbb\xbf"+consumersJSONL, "consumer", "import", "-", "--report", filepath.Join(inst.dir, "r"))
	if text, err := os.ReadFile(filepath.Join(inst.dir, "r")); err != nil || got.code != exitRefused || !strings.Contains(string(text), `{"line":1,"pointer":"","rule":"must be UTF-8 text without a byte order mark at its beginning"}`) {
		t.Errorf("%s %v %+v", text, err, got)
	}

	got = inst.run("{}\n", "consumer", "import", "-", "--report", filepath.Join(inst.dir, "no", "folder"))
	if got.code != exitRefused || !strings.Contains(got.stderr, "write the report: ") || strings.Contains(got.stderr, "database") {
		t.Errorf("%+v", got)
	}
}

// The report takes the place of no other file, least of all of the input.
func TestConsumerImportKeepsOtherFiles(t *testing.T) {
	t.Parallel()
	inst := newInstallation(t)
	file := inst.write("consumers.jsonl", consumersJSONL)
	brand := inst.write("important.yaml", "brand: {}\n")
	inst.run("", "consumer", "import", "-")

	for report, text := range map[string]string{file: consumersJSONL, brand: "brand: {}\n"} {
		for _, more := range [][]string{{}, {"--dry-run"}, {"--hash-passwords"}, {"--hash-passwords", "--dry-run"}} {
			got := inst.run("", append([]string{"consumer", "import", file, "--report", report}, more...)...)
			if got.code != exitRefused || !strings.Contains(got.stderr, report+" is ") || !strings.Contains(got.stderr, "; name another file with --report") {
				t.Errorf("%s %v: %+v", report, more, got)
			}
		}

		if got, err := os.ReadFile(report); err != nil || string(got) != text {
			t.Errorf("%s has become %q, %v", report, got, err)
		}
	}
}

func TestConsumerExport(t *testing.T) {
	t.Parallel()
	inst := newInstallation(t)
	inst.run(consumersJSONL, "consumer", "import", "-", "--hash-passwords")

	plain := inst.run("", "consumer", "export")
	if plain.code != exitDone || strings.Count(plain.stdout, "\n") != 2 || strings.Contains(plain.stdout, "password_hash") || !strings.Contains(plain.stdout, `"username":"rory"`) {
		t.Errorf("%+v", plain)
	}

	name := filepath.Join(inst.dir, "out.jsonl.gz")
	if got := inst.run("", "consumer", "export", "--password-hashes", name); got.code != exitDone || got.stdout != "Exported 2 consumers.\n" {
		t.Errorf("%+v", got)
	}

	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}

	if got := inst.run("", "consumer", "import", name); got.code != exitDone || !strings.Contains(got.stdout, "0 created, 0 updated, 2 unchanged") {
		t.Errorf("import of the export: %+v", got)
	}

	there := newInstallation(t)
	there.run("", "consumer", "import", name)

	if got := there.run("", "consumer", "export"); got.stdout != plain.stdout {
		t.Errorf("in another database: %s, want %s", got.stdout, plain.stdout)
	}

	if got := inst.run("", "consumer", "export", filepath.Join(inst.dir, "no", "such", "folder")); got.code != exitRefused {
		t.Errorf("%+v", got)
	}
}

func TestConsumerImportThatCannotBegin(t *testing.T) {
	t.Parallel()
	inst := newInstallation(t)
	inst.run("", "consumer", "import", "-")

	for name, want := range map[string]string{
		filepath.Join(inst.dir, "missing"): "no such file",
		inst.dir:                           "is a folder",
		inst.write("damaged.gz", "\x1f\x8b\x08 no"): "the input is damaged",
	} {
		if got := inst.run("", "consumer", "import", name); got.code != exitRefused || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v, want %q", name, got, want)
		}
	}

	inst.environ[0] = "IDP_DATABASE_URL=postgres://127.0.0.1:1/idp"
	if got := inst.run(consumersJSONL, "consumer", "import", "-"); got.code != exitUnavailable {
		t.Errorf("without a database: %+v", got)
	}
}

func TestRoughly(t *testing.T) {
	t.Parallel()

	for seconds, want := range map[float64]string{0: "0s", 0.2: "1s", 61: "1m1s", 120: "2m", 3599.5: "1h0m", 86_399: "24h0m"} {
		if got := roughly(seconds); got != want {
			t.Errorf("%v: %s, want %s", seconds, got, want)
		}
	}
}
