package main

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/storage"
)

const (
	reads    = "changes nothing"
	keySteps = "its event bears the step's name, as that of a schedule or of the API: TestKeyOfAConnectorIsReplacedByHand"
)

// commandsWithoutEvents are those that leave no audit event, each with its reason. A new
// command stands here or among the steps of TestEveryChangingCommandLeavesAnEvent.
var commandsWithoutEvents = map[string]string{
	"api-key list":       reads,
	"audit export":       "changes nothing, but that what was told is sealed earlier",
	"audit list":         reads,
	"audit verify":       reads,
	"client list":        reads,
	"client show":        reads,
	"config":             reads,
	"config reference":   reads,
	"connector rotate":   "its events bear the steps' names: TestConnectorRotate",
	"connector settings": reads,
	"connector test":     "does nothing that a browser could not: it signs in and out at a running provider",
	"consumer export":    reads,
	"consumer list":      reads,
	"consumer show":      reads,
	"data-key list":      reads,
	"data-key reseal":    "its events are those of its batches, where there are any: TestTenThousandSecretsAreSealedAnew of package op",
	"doctor":             reads,
	"demo":               "has a database of its own, which goes with it",
	"key activate":       keySteps,
	"key create":         keySteps,
	"key delete":         keySteps,
	"key export":         reads,
	"key import":         "its event bears the step's name: TestKeyImport",
	"key list":           reads,
	"key publish":        keySteps,
	"key reset":          "its event is of the database: TestRestoredWithoutItsMasterKey of web/e2e",
	"key retire":         keySteps,
	"key revoke":         "its event bears the step's name: TestKeyRevoke",
	"key schedule list":  reads,
	"migrate status":     reads,
	"migrate up":         "changes the schema, which has a version and a history of its own; events are data in it",
	"serve":              "does what callers and consumers ask for, and it is theirs",
	"token inspect":      reads,
	"token preview":      reads,
	"version":            reads,
}

// toldEvent is an audit event as the database has it, in one line.
const toldEvent = `select id, action, actor_kind || ' ' || actor, concat_ws(' ', target_kind, nullif(target, ''), d.text), to_jsonb(e)::text
	from audit_events e left join lateral (
	  select string_agg(concat_ws(' ', n || ':', before ->> n, '->', after ->> n), ', ' order by n) as text
	  from unnest('{client_name,created,disabled,password}'::text[]) n where before ->> n is distinct from after ->> n
	) d on true where id > $1 order by id`

// Whatever somebody changes by the command line leaves an event: who, what and to whom,
// with secrets and personal data masked.
func TestEveryChangingCommandLeavesAnEvent(t *testing.T) {
	t.Parallel()

	const sub = "0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10"

	i := newInstallation(t)
	file := i.write("brand.yaml", strings.Replace(brandYAML, "- username: rory", "- sub: rory\n    username: rory", 1))
	pruned := i.write("pruned.yaml", "clients: []\nconsumers: [{sub: "+sub+", username: amelia, disabled: true}]\n")
	lines := i.write("consumers.jsonl", `{"sub":"clara","username":"clara","claims":{"given_name":"Clara"}}`+"\n")
	next := filepath.Join(t.TempDir(), "next.key")
	steps := []struct {
		command, stdin string
		args, want     []string
	}{
		{"apply", "", []string{"-f", file, "--dry-run"}, nil},
		{"apply", "", []string{"-f", file}, []string{
			"client messaging-code client_name: -> Messaging, code flow",
			"consumer " + sub + " disabled: -> false, password: -> ********",
			"consumer rory disabled: -> true",
		}},
		{"apply", "", []string{"-f", file}, nil},
		{"api-key create", "", []string{"crm", "--scope", "idp:audit:read"}, []string{"api_key crm"}},
		{"api-key revoke", "", []string{"crm"}, []string{"api_key crm"}},
		{"consumer import", "", []string{lines, "--dry-run"}, nil},
		{"consumer import", "", []string{lines}, []string{"consumers created: -> 1"}},
		{"consumer import", "", []string{lines}, nil},
		{"consumer set-password", "another good one\n", []string{"amelia"}, []string{"consumer " + sub}},
		{"consumer sign-out", "", []string{"amelia"}, []string{"consumer " + sub}},
		{"consumer consents", "", []string{"amelia"}, nil},
		{"consumer consents", "", []string{"amelia", "--withdraw", "messaging-code"}, []string{"consumer " + sub}},
		{"consumer delete", "", []string{"clara"}, []string{"consumer clara disabled: false ->"}},
		{"key schedule set", "", []string{"--every", "90d"}, []string{"key_schedule the provider, RS256"}},
		{"key schedule pause", "", nil, []string{"key_schedule the provider, RS256"}},
		{"key schedule resume", "", nil, []string{"key_schedule the provider, RS256"}},
		{"key schedule remove", "", nil, []string{"key_schedule the provider, RS256"}},
		{"data-key renew", "", []string{"tickets"}, []string{"data_key tickets"}},
		{"key rewrap", "", []string{"--to-file", next}, []string{"master_key"}},
		{"key rewrap", "", []string{"--to-file", next}, nil},
		{"key rewrap", "", []string{"--cancel"}, []string{"master_key"}},
		{"webhook secret", "", nil, []string{"webhook_secret"}},
		{"webhook secret", "", nil, nil},
		{"webhook secret", "", []string{"--rotate"}, []string{"webhook_secret"}},
		{"apply", "", []string{"-f", pruned, "--prune"}, []string{
			"client messaging-code client_name: Messaging, code flow ->",
			"consumer " + sub + " disabled: false -> true",
		}},
	}

	if got := i.run("", "migrate", "up"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	conn := i.connect()
	told := map[string]bool{}
	last := int64(0)

	for _, step := range steps {
		if slices.Contains(step.args, "--withdraw") {
			consent := "insert into consents (consumer_id, client_id, scopes) select u.id, c.id, '{openid}' from consumers u, clients c where u.sub = $1"
			if _, err := conn.Exec(t.Context(), consent, sub); err != nil {
				t.Fatal(err)
			}
		}

		if got := i.run(step.stdin, append(strings.Fields(step.command), step.args...)...); got.code != 0 {
			t.Fatalf("%s %v: %+v", step.command, step.args, got)
		}

		var (
			action, actor, text, whole string
			got                        []string
		)

		rows, _ := conn.Query(t.Context(), toldEvent, last) // its error comes with the rows
		if _, err := pgx.ForEachRow(rows, []any{&last, &action, &actor, &text, &whole}, func() error {
			// That of a schedule is named as the API and the schedule itself name it.
			want := step.command
			if name, ok := strings.CutPrefix(step.command, "key schedule "); ok {
				want = "key_schedules." + name
			}

			if action != want || actor != "command "+operatingSystemUser() {
				t.Errorf("%s: by %s: %s", step.command, actor, whole)
			}

			for _, personal := range []string{"Amelia", "brand.example", "horse", "another good", "Clara"} {
				if strings.Contains(whole, personal) {
					t.Errorf("%s: %q in %s", step.command, personal, whole)
				}
			}

			got = append(got, text)

			return nil
		}); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s %v (-want +got):\n%s", step.command, step.args, diff)
		}

		told[step.command] = told[step.command] || len(got) > 0
	}

	var there []string

	for _, cmd := range commands(newRoot(config.Inputs{})) {
		if cmd.Annotations[groupAnnotation] == "" {
			there = append(there, commandName(cmd))
		}
	}

	slices.Sort(there)

	known := slices.Sorted(maps.Keys(commandsWithoutEvents))
	for _, command := range slices.Sorted(maps.Keys(told)) {
		if !told[command] {
			t.Errorf("%s leaves no event", command)
		}

		known = append(known, command)
	}

	slices.Sort(known)

	if diff := cmp.Diff(there, known); diff != "" {
		t.Errorf("commands with neither an event nor a reason (-), and those that are not there or twice (+):\n%s", diff)
	}
}

// connect opens a connection to the installation's database.
func (i *installation) connect() *pgx.Conn {
	i.t.Helper()

	conn, err := pgx.Connect(i.t.Context(), strings.TrimPrefix(i.environ[0], "IDP_DATABASE_URL="))
	if err != nil {
		i.t.Fatal(err)
	}

	i.t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(i.t.Context())) })

	return conn
}

// store opens the installation's database for a test's own looks at it.
func (i *installation) store() *storage.Store {
	i.t.Helper()

	store, err := storage.Open(i.t.Context(), storage.Options{URL: strings.TrimPrefix(i.environ[0], "IDP_DATABASE_URL="), MaxConnections: 1})
	if err != nil {
		i.t.Fatal(err)
	}

	i.t.Cleanup(store.Close)

	return store
}
