package httpapi_test

import (
	"testing"

	"rapport/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
