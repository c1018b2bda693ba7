package scenarios

import "samsa/wire/config"

// Nearest is the word of a list that was most likely meant, or "" if none is near. Of equally near ones the first wins,
// so the order of the list decides and not chance.
func Nearest(word string, list []string) string {
	if near := config.Nearest(word, list); len(near) > 0 {
		return near[0]
	}
	return ""
}
