package scenarios

import "samsa/wire/config"

// Nearest returns the word of a list that is nearest to a misspelt word, or "" if none is near. If several are equally near,
// it returns the first.
func Nearest(word string, list []string) string {
	if near := config.Nearest(word, list); len(near) > 0 {
		return near[0]
	}
	return ""
}
