package builtin

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// systemUser is whom PostgreSQL runs as when idp runs as root. Never nobody:
// other programs run as nobody too, and could read the data.
const systemUser = "postgres"

// account is a user of the operating system.
type account struct {
	name     string
	uid, gid uint32
}

// currentAccount is whom this process runs as.
func currentAccount() (account, error) {
	uid := strconv.Itoa(os.Geteuid())
	u, err := user.LookupId(uid)
	if err != nil {
		return account{}, fmt.Errorf("user id %s has no name on this system, and PostgreSQL knows its users by name: "+
			"add it to /etc/passwd, or name a server with database.url: %w", uid, err)
	}
	return newAccount(u)
}

// ownerAccount is whom PostgreSQL runs as when idp runs as self.
func ownerAccount(self account) (account, error) {
	if self.uid != 0 {
		return self, nil
	}
	u, err := user.Lookup(systemUser)
	if unknown := user.UnknownUserError(""); errors.As(err, &unknown) {
		return account{}, fmt.Errorf("PostgreSQL refuses to run as root, and the system user %s, whom it runs as instead, does not exist: "+
			"create it (useradd --system --shell /usr/sbin/nologin %[1]s), or run idp as an ordinary user", systemUser)
	}
	if err != nil {
		return account{}, fmt.Errorf("look up the system user %s: %w", systemUser, err)
	}
	return newAccount(u)
}

func newAccount(u *user.User) (account, error) {
	// A leading slash makes a pattern of the name in pg_ident.conf.
	if u.Username == "" || strings.ContainsAny(u.Username, "\"/\\\n\r") {
		return account{}, fmt.Errorf("the name of user id %s cannot be written in pg_ident.conf: run idp as another user", u.Uid)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user id of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("group id of %s: %w", u.Username, err)
	}
	return account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}, nil
}

// name of a user id, or the number.
func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// processAttributes put a program in a session of its own, where Ctrl-C at the
// terminal does not reach it, and take root's identity and groups off it.
func (s *Server) processAttributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setsid: true}
	if s.owner.uid != s.self.uid {
		attributes.Credential = &syscall.Credential{Uid: s.owner.uid, Gid: s.owner.gid}
	}
	return attributes
}
