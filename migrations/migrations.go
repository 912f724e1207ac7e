// Package migrations holds the numbered SQL files of the schema, embedded in
// the binary. It owns nothing but the files: storage applies them.
//
// A file that has landed is never edited. The previous release must run on the
// next release's schema, so a migration expands first and a later release
// contracts. An index on a table that may have data is built concurrently, in a file
// without a transaction that can be run again from its beginning.
package migrations

import "embed"

// FS has the migrations at its root, named NNN_name.sql, in the format of
// github.com/jackc/tern/v2.
//
//go:embed *.sql
var FS embed.FS
