"""Speech for programs that use Spiel, GNOME's speech API: a provider that the session bus starts when it is called."""
