package storage_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/storage"
)

func TestPasswordForms(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	// Hashes by their forms.
	hashes := map[string][]string{
		"$argon2id$v=19$m=19456,t=2,p=1": {"$argon2id$v=19$m=19456,t=2,p=1$one$key", "$argon2id$v=19$m=19456,t=2,p=1$two$key"},
		"$argon2i$v=19$m=64,t=3,p=1":     {"$argon2i$v=19$m=64,t=3,p=1$salt$key"},
		"$2b$12":                         {"$2b$12$y"},
		"$2y$10":                         {"$2y$10$z"},
		"$scrypt$ln=16,r=8,p=1":          {"$scrypt$ln=16,r=8,p=1$salt$key"},
		"$7$CU..../....":                 {"$7$CU..../....salt$key", "$7$CU..../....tlas$key"},
		"$y$j9T":                         {"$y$j9T$salt$key"},
		"$pbkdf2$131000":                 {"$pbkdf2$131000$salt$key"},
		"$pbkdf2-sha256$i=600000":        {"$pbkdf2-sha256$i=600000$salt$key"},
		"pbkdf2_sha256$870000":           {"pbkdf2_sha256$870000$salt$key="},
		"$5$":                            {"$5$salt$key"},
		"$6$rounds=10000":                {"$6$rounds=10000$salt$key", "$6$rounds=10000$tlas$key"},
	}
	want := map[string]bool{}
	err := th.store.Administer(t.Context(), func(tx *storage.Tx) error {
		n := 0
		for form, of := range hashes {
			want[form] = true
			for _, hash := range append(of, "") {
				n++
				consumer := storage.Consumer{Username: fmt.Sprint("c", n), PasswordHash: hash, ManagedBy: "import"}
				if err := tx.InsertConsumer(t.Context(), &consumer, nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	forms, err := th.store.PasswordForms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	for _, form := range forms {
		got[form] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || len(forms) != len(want) {
		t.Errorf("forms (-want +got):\n%s", diff)
	}
}
