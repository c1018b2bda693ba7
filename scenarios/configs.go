package scenarios

// ScopeEither is for the verb config, which sets topics and brokers.
const ScopeEither Scope = "topic or cluster"

// readSetting reads a config for a scope.
func readSetting(scope Scope, w Word) (Setting, *complaint) {
	return Setting{w.Key, w.Value}, nil
}

// override is the settings of a line with those of the run's options that belong there, which win.
func (s *Session) override(scope Scope, settings []Setting) []Setting {
	return append(append([]Setting{}, settings...), s.run.Set...)
}
