package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first and the last character of each legal range, and their neighbours, which are not legal.
func TestInvalidTopicName(t *testing.T) {
	for _, name := range []string{"a", "z", "A", "Z", "0", "9", "_", "-", "a.b", "...", strings.Repeat("x", 249)} {
		require.Empty(t, InvalidTopicName(name), name)
	}
	for name, why := range map[string]string{
		"": "empty string", ".": "not allowed", "..": "not allowed", strings.Repeat("x", 250): "max allowed length 249",
		"a`": "characters", "a{": "characters", "a@": "characters", "a[": "characters", "a/": "characters", "a:": "characters", "a b": "characters", "ä": "characters",
	} {
		require.Contains(t, InvalidTopicName(name), why, name)
	}
}
