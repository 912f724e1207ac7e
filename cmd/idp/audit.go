package main

import (
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/storage"
)

func newAuditCommand(a *app) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "audit",
		Short: "Show, export and verify who did what",
		Long: "Show, export and verify the audit trail: who did what to whom, by the management API and by commands,\n" +
			"for 400 days. A running idp serve seals events within seconds, so that later changes are seen.",
		Example: "  idp audit list --since 1d\n  idp audit export audit.jsonl\n  idp audit verify --head audit.jsonl",
	})
	cmd.AddCommand(newAuditListCommand(a), newAuditExportCommand(a), newAuditVerifyCommand(a))

	return cmd
}

// event is the audit event of what the command does to a target: every command that
// changes something gives it to the function of storage or op that does it, which writes
// it in the transaction of the change.
func (s *session) event(targetKind, target string) storage.AuditEvent {
	return storage.AuditEvent{
		Actor: operatingSystemUser(), ActorKind: storage.ActorCommand, Action: s.command, TargetKind: targetKind, Target: target,
	}
}

// commandName is a command without the program: consumer sign-out.
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// operatingSystemUser names who runs the program; by number where the system has no name,
// as in a container.
func operatingSystemUser() string {
	if who, err := user.Current(); err == nil && who.Username != "" {
		return who.Username
	}

	return strconv.Itoa(os.Getuid())
}
