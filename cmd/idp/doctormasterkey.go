package main

import (
	"os"
	"path/filepath"

	"github.com/brandidp/idp/op/seal"
)

// whereTheMasterKeyLies warns when whoever takes the data takes the key with it.
func (d *doctor) whereTheMasterKeyLies() {
	const check = "place of the master key"

	place, file := d.placeOfTheMasterKey()
	if file == "" {
		d.add(check, verdictOK, place, "")

		return
	}

	info, err := os.Stat(file)

	switch {
	case err == nil && info.Mode().Perm()&0o077 != 0:
		d.add(check, verdictWarning, place+" can be read by others on this machine", "chmod 600 "+file)
	case d.cfg.Database.URL == "" && within(d.cfg.DataDir, file):
		d.add(check, verdictWarning, place+": key and data lie together in "+d.cfg.DataDir+", and whoever takes the folder opens what is sealed",
			"name it elsewhere with master_key_file or master_key_command, and back it up apart from the data")
	default:
		d.add(check, verdictOK, place, "")
	}
}

// placeOfTheMasterKey names the place and the option that says so, and the file if it is
// one.
func (d *doctor) placeOfTheMasterKey() (place, file string) {
	source := masterKeySource(d.cfg)

	switch source := source.(type) {
	case seal.MasterKeyFile:
		return source.String(), string(source)
	case seal.MasterKeyCommand:
		return source.String() + ", by master_key_command (" + d.cfg.Setting("master_key_command").Source + ")", ""
	}

	setting := d.cfg.Setting("master_key")
	if setting.File == "" {
		return source.String() + " (" + setting.Source + ")", ""
	}

	return setting.File + ", by master_key_file (" + setting.Source + ")", setting.File
}

// within tells whether a file lies in a folder, wherever links lead.
func within(folder, file string) bool {
	path, err := filepath.Rel(followed(folder), followed(file))

	return err == nil && filepath.IsLocal(path)
}

// followed is where a path leads: one that is not there yet, from the folder that it
// would be in.
func followed(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}

	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(followed(parent), filepath.Base(path))
	}

	return path
}
