package consumerfile_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/consumerfile"
	"github.com/brandidp/idp/storage"
)

const people = `{"external_id":"crm-1","username":"amelia","password_hash":"$2b$04$YgY3M6w1ulCe483DuDaydulTbAyHN4WwWN7mlegPdgjj.E9H3qZoa","claims":{"email":"amelia@brand.example","email_verified":true},"customer_info":{"balance":-400.99}}

{"sub":"rory-1","username":"rory","claims":{"phone_number":"+15555555555","phone_number_verified":true},"attributes":{"tier":"gold","age":3}}
{"external_id":"crm-3","disabled":true,"personal_info":{"firstname":"John","contacts":[{"email":"john@brand.example"}]}}
`

func TestImportCreatesUpdatesAndLeaves(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	if got := b.load(people, b.options()); got != (storage.ImportCounts{Created: 3}) {
		t.Errorf("%+v, want three created", got)
	}
	amelia := b.find("amelia@brand.example")
	if amelia.ExternalID != "crm-1" || amelia.ManagedBy != "import" || amelia.PasswordHash == "" || *amelia.CustomerInfo.Balance != -400.99 {
		t.Errorf("%+v", amelia)
	}
	if b.find("+15555555555").Sub != "rory-1" || !b.find("crm-3").Disabled || b.find("rory").Attributes["age"] != 3.0 {
		t.Error("not as the file says")
	}
	before := b.dump()
	if got := b.load(people, b.options()); got != (storage.ImportCounts{Unchanged: 3}) || b.dump() != before {
		t.Errorf("again: %+v, want nothing changed", got)
	}
	// By each of the three names; the password stays, identifiers go and come.
	got := b.load(`{"external_id":"crm-1","username":"amelia-pond","password_hash":"$2b$04$AAA3M6w1ulCe483DuDaydulTbAyHN4WwWN7mlegPdgjj.E9H3qZoa","claims":{"email":"pond@brand.example","email_verified":true}}
{"sub":"rory-1"}
{"username":"rory"}
`, b.options())
	if got != (storage.ImportCounts{Updated: 2, Refused: 1}) {
		t.Errorf("%+v, want two updated and the second line of rory refused", got)
	}
	again := b.find("pond@brand.example")
	if again.ID != amelia.ID || again.PasswordHash != amelia.PasswordHash || again.CustomerInfo != nil || !again.UpdatedAt.After(amelia.UpdatedAt) {
		t.Errorf("%+v", again)
	}
	if rory := b.find("rory-1"); rory.Username != "" || query[int](b, "select count(*) from identifiers where consumer_id = $1", rory.ID) != 0 {
		t.Errorf("%+v keeps what the line lacks", rory)
	}
	if n := query[int](b, "select count(*) from identifiers"); n != 2 {
		t.Errorf("%d identifiers, want amelia's two", n)
	}
	if n := query[int](b, "select (select count(*) from import_jobs) + (select count(*) from import_job_consumers)"); n != 0 {
		t.Error("an import that is done leaves rows")
	}
}

// refused is a file whose lines are refused for the reasons that it says.
const refused = `{"sub":"gone"}
{"sub":"s1","external_id":"e1","username":"one","claims":{"email":"one@brand.example","email_verified":true}}
{"sub":"s1"}
{"external_id":"e1"}
{"username":"one"}
{"sub":"s2","external_id":"e1","username":"one"}
{"username":"other","claims":{"email":"one@brand.example","email_verified":true}}
{"username":"other"}
{"username":"visitor"}
{"sub":"s3","username":"visitor","external_id":"api-1"}
{"claims":{"given_name":"Secretname"}}
{"username":"secret name","password_hash":"$1$secret$secret"}
{"username":"plain","password":"secret password"}
not JSON at all, secret
{"external_id":"old","username":"apply2"}
{"sub":"apply-sub","username":"apply2"}
{"username":"apply3"}
{"external_id":"apply-ext","username":"apply3"}
`

var wantRefused = []string{ //nolint:gochecknoglobals // a table
	"1 /sub must not be that of a consumer who is gone",
	"3  must be the only line of its consumer",
	"4  must be the only line of its consumer",
	"5  must be the only line of its consumer",
	"6 /external_id must not be that of another consumer",
	"6 /username must not be an identifier that belongs to another consumer",
	"7 /claims/email must not be an identifier that belongs to another consumer",
	"9 /username must not be an identifier that belongs to another consumer",
	"10 /external_id must not be that of another consumer",
	"10 /username must not be an identifier that belongs to another consumer",
	"11  must have a sub, an external_id or a username",
	"12 /password_hash MD5-crypt is refused",
	"12 /username must be a user name",
	"13 /password must be hashed by whoever imports",
	"14  must be JSON",
	"16  must be the only line of its consumer",
	"18  must be the only line of its consumer",
}

// A batch is written unasked after one of which the database knew nothing. Whatever it
// does know then leads to a look, and to the same as with one.
func TestAfterFreshLines(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	query[int](b, "with gone as (insert into consumer_tombstones (sub) values ('gone') returning 1) select 1 from gone")
	b.load(people, b.options())
	got := b.load(`{"external_id":"new-1"}
{"sub":"gone"}
{"external_id":"new-2"}
{"external_id":"crm-3","disabled":true}
{"external_id":"new-3"}
{"username":"other","claims":{"email":"amelia@brand.example","email_verified":true}}
`, consumerfile.InBatchesOf(1, b.options()))
	if want := (storage.ImportCounts{Created: 3, Updated: 1, Refused: 2}); got != want {
		t.Errorf("%+v, want %+v: %s", got, want, b.told())
	}
}

// Whatever the batches, in a dry run as well as in earnest, the same lines are
// refused for the same reasons, and none of them is quoted.
func TestLinesAreRefusedOneByOne(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{1, 2, 3, 5000} {
		t.Run(fmt.Sprint(lines), func(t *testing.T) {
			t.Parallel()
			b := newBrand(t)
			err := b.store.Administer(t.Context(), func(tx *storage.Tx) error {
				for _, c := range []storage.Consumer{
					{Username: "visitor", ExternalID: "api-1", ManagedBy: "api"},
					{Sub: "apply-sub", ExternalID: "old", ManagedBy: "apply"},
					{Username: "apply3", ManagedBy: "apply"},
				} {
					var identifiers []storage.Identifier
					if c.Username != "" {
						identifiers = []storage.Identifier{{Value: c.Username, Kind: "username"}}
					}
					if err := tx.InsertConsumer(t.Context(), &c, identifiers); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			query[int](b, "with gone as (insert into consumer_tombstones (sub) values ('gone') returning 1) select 1 from gone")
			before := b.dump()
			opts := consumerfile.InBatchesOf(lines, b.options())
			opts.SkipHashing, opts.DryRun = true, true
			for range 2 {
				got := b.load(refused, opts)
				if got != (storage.ImportCounts{Created: 2, Updated: 1, Unchanged: 1, Refused: 14}) {
					t.Errorf("dry run %v: %+v", opts.DryRun, got)
				}
				text := b.told()
				if len(text) != len(wantRefused) {
					t.Errorf("dry run %v: refused:\n%s", opts.DryRun, strings.Join(text, "\n"))
				}
				for i := range min(len(text), len(wantRefused)) {
					if !strings.HasPrefix(text[i], wantRefused[i]) || strings.Contains(text[i], "secret") {
						t.Errorf("dry run %v: %q, want %q", opts.DryRun, text[i], wantRefused[i])
					}
				}
				if opts.DryRun && b.dump() != before {
					t.Error("a dry run has changed something")
				}
				opts.DryRun = false
			}
			// A file without faults takes the report away.
			b.load(`{"sub":"s1","external_id":"e1","username":"one"}`, b.options())
			if _, err := os.Stat(b.report); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the report is still there (%v)", err)
			}
		})
	}
}

func TestImportGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	text := `{"claims":{}}` + "\n" + numbered(0, 60) + "{}\n"
	opts := consumerfile.InBatchesOf(10, b.options())
	// As a file, then compressed, then from standard input: it is the same input.
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(text))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	first := b.stopping(strings.NewReader(text), 10, opts)
	second := b.stopping(bytes.NewReader(zipped.Bytes()), first.Lines+10, opts)
	if first.Lines%10 != 0 || second.Resumed != first.Lines || second.Created <= first.Created {
		t.Fatalf("%+v, then %+v", first, second)
	}
	state, err := consumerfile.Import(t.Context(), b.store, io.MultiReader(strings.NewReader(text)), opts)
	if err != nil || state.ImportCounts != (storage.ImportCounts{Created: 60, Refused: 2}) || state.Resumed != second.Lines || state.Lines != 62 {
		t.Errorf("%+v, %v", state, err)
	}
	if told := b.told(); len(told) != 2 || !strings.HasPrefix(told[0], "1 ") || !strings.HasPrefix(told[1], "62 ") {
		t.Errorf("refused %q, want the first and the last line", told)
	}
	// Another that begins the same is another.
	long := numbered(0, 5000)
	b.stopping(strings.NewReader(long), 3000, consumerfile.InBatchesOf(3000, b.options()))
	changed := strings.Replace(long, "crm-2500", "crm-9999", 1)
	if _, err := consumerfile.Import(t.Context(), b.store, io.MultiReader(strings.NewReader(changed)), b.options()); !errors.Is(err, consumerfile.ErrOtherInput) {
		t.Errorf("%v, want that the input is another", err)
	}
	if got := b.load(changed, b.options()); got.Created+got.Unchanged+got.Updated != 5000 || got.Updated != 1 {
		t.Errorf("from the beginning: %+v", got)
	}
	restart := b.options()
	restart.Restart = true
	if got := b.load(long, restart); got.Updated+got.Unchanged+got.Refused != 5000 {
		t.Errorf("with Restart: %+v", got)
	}
}

func TestDamagedInputs(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write([]byte(numbered(0, 5000)))
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	cut := zipped.Bytes()[:zipped.Len()/2]
	state, err := consumerfile.Import(t.Context(), b.store, bytes.NewReader(cut), consumerfile.InBatchesOf(100, b.options()))
	if !errors.Is(err, consumerfile.ErrDamaged) || state.Created == 0 || state.Created%100 != 0 {
		t.Errorf("%+v, %v, want whole batches and the damage", state, err)
	}
	if _, err := consumerfile.Import(t.Context(), b.store, strings.NewReader("\x1f\x8bno gzip"), b.options()); !errors.Is(err, consumerfile.ErrDamaged) {
		t.Errorf("%v, want the damage", err)
	}
	// One line that is too long is no reason to leave the next.
	long := `{"username":"` + strings.Repeat("a", 1<<20) + "\"}\n" + strings.Repeat("\n", 20) + `{"username":"after"}`
	got := b.load(long, consumerfile.InBatchesOf(3, b.options()))
	if told := b.told(); got.Created != 1 || len(told) != 1 || told[0] != "1  must be at most 256 KiB long" {
		t.Errorf("%+v, %q", got, told)
	}
	if got := b.load("", b.options()); got != (storage.ImportCounts{}) {
		t.Errorf("nothing: %+v", got)
	}
}

// Without what is kept of it an import would not know which of its lines it has met.
func TestImportWhoseProgressIsGoneStops(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	opts := consumerfile.InBatchesOf(100, b.options())
	opts.Progress = func(state consumerfile.State) {
		if state.Lines == 200 {
			query[int](b, "with gone as (delete from import_jobs returning 1) select count(*) from gone")
		}
	}
	state, err := consumerfile.Import(t.Context(), b.store, strings.NewReader(numbered(0, 1000)), opts)
	if !errors.Is(err, storage.ErrImportGone) || state.Lines != 200 {
		t.Errorf("%+v, %v", state, err)
	}
	if n := query[int](b, "select count(*) from consumers"); n != 200 {
		t.Errorf("%d consumers, want those of two batches", n)
	}
	if n := query[int](b, "select count(*) from import_job_consumers"); n != 0 {
		t.Errorf("%d rows that belong to no import", n)
	}
	if got := b.load(numbered(0, 1000), b.options()); got != (storage.ImportCounts{Created: 800, Unchanged: 200}) {
		t.Errorf("again: %+v", got)
	}
}

func TestOneImportAtATime(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	first, err := b.store.OpenImporter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := consumerfile.Import(t.Context(), b.store, strings.NewReader(people), b.options()); !errors.Is(err, storage.ErrImportRunning) {
		t.Errorf("%v, want that another is running", err)
	}
	first.Close(t.Context())
	b.load(people, b.options())
}
