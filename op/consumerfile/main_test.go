package consumerfile_test

import (
	"testing"

	"github.com/brandidp/idp/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }
