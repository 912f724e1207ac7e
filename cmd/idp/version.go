package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker when a release is built.
var version string

// buildInfo says which program this is.
type buildInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the sources, if the build knew
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuildInfo() buildInfo {
	info := buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}

	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}

	if info.Version == "" {
		info.Version = build.Main.Version
	}

	for _, setting := range build.Settings {
		if setting.Key == "vcs.revision" {
			info.Revision = setting.Value
		}
	}

	return info
}

func newVersionCommand() *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  idp version\n  idp version --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info := readBuildInfo()
			if asJSON {
				return printJSON(cmd.OutOrStdout(), info)
			}

			fmt.Fprintf(cmd.OutOrStdout(), "idp %s (%s, %s)\n", info.Version, info.Go, info.Platform)

			return nil
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}
