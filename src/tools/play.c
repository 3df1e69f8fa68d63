/* SPDX-License-Identifier: MIT */
/* dxvault play: a film goes through a protected session. */
#include "tools/play.h"

#include "tools/command.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_help(void)
{
	puts("Usage: dxvault play FILE [OPTION]...\n"
	     "Plays a film through a protected session: decoded here, encrypted under a session key, decrypted into\n"
	     "protected surfaces in the service, and presented by another process that never sees a picture.\n"
	     "\n"
	     "  --key KEY            content key, 32 hex digits, for a film with Common Encryption (cenc)\n"
	     "  --key KID:KEY        the same for the key with this id (may be repeated)\n"
	     "  --screen DIR         plug in a virtual screen: a line a frame in DIR/screen.framemd5,\n"
	     "                       and a contact sheet in DIR/contact-sheet.png\n"
	     "  --trust FILE         certificate that the driver's must lead to (default: what the service says;\n"
	     "                       dxvault info --root-certificate prints it)\n"
	     "  --lose-keys-at N     lose all keys when picture N is ready to be shown, and go on with new ones\n"
	     "  --remove-device-at N remove the adapter there, and go on with everything anew\n"
	     "  --exhaust-memory-at N\n"
	     "                       find protected memory used up there when everything has to be made anew\n"
	     "                       (each of the three: N[,N]..., counted from 1; the film gets a service of its "
	     "own)\n"
	     "  --strict             refuse where memfd_secret memory or the service's sandbox is not to be had\n"
	     "  --json               print the summary for programs");
}

/* The key stands in the process's arguments, where others of this user could read it. */
static void hide_argument(char *text)
{
	explicit_bzero(text, strlen(text));
}

static int parse_key(char *text, struct play_options *options)
{
	const char *problem = "";
	int result;

	if (options->key_count == PLAY_KEYS_MAX)
		return command_fail("more than %d keys", PLAY_KEYS_MAX), -EINVAL;
	result = film_key_parse(text, &options->keys[options->key_count], &problem);
	hide_argument(text);
	if (result < 0) {
		command_fail("--key: %s", problem);
		return result;
	}
	options->key_count++;
	return 0;
}

static int compare_orders(const void *a, const void *b)
{
	const struct play_order *first = a;
	const struct play_order *second = b;

	return (first->at > second->at) - (first->at < second->at);
}

static int parse_losses(const char *text, const char *name, enum play_cause cause, struct play_options *options)
{
	unsigned long long number;
	char *end;

	do {
		errno = 0;
		number = strtoull(text, &end, 10);
		if (errno || *text < '0' || *text > '9' || (*end != ',' && *end != '\0') || number == 0)
			return command_fail("--%s: not a list of pictures, which are counted from 1", name), -EINVAL;
		if (options->order_count == PLAY_LOSSES_MAX)
			return command_fail("more than %d ordered losses", PLAY_LOSSES_MAX), -EINVAL;
		for (size_t i = 0; i < options->order_count; i++) {
			if (options->orders[i].at == number)
				return command_fail("two losses at picture %llu", number), -EINVAL;
		}
		options->orders[options->order_count++] = (struct play_order) { .cause = cause, .at = number };
		text = end + 1;
	} while (*end == ',');
	qsort(options->orders, options->order_count, sizeof(options->orders[0]), compare_orders);
	return 0;
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct play_options *options)
{
	static const struct option table[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "screen", required_argument, NULL, 's' },
		{ "trust", required_argument, NULL, 't' },
		{ "lose-keys-at", required_argument, NULL, 'l' },
		{ "remove-device-at", required_argument, NULL, 'd' },
		{ "exhaust-memory-at", required_argument, NULL, 'm' },
		{ "strict", no_argument, NULL, 'S' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	int index = 0;

	while ((option = getopt_long(argc, argv, "", table, &index)) != -1) {
		switch (option) {
		case 'l':
		case 'd':
		case 'm':
			if (parse_losses(optarg, table[index].name,
					 option == 'l'	 ? PLAY_LOSS_KEYS
					 : option == 'd' ? PLAY_LOSS_DEVICE
							 : PLAY_LOSS_MEMORY,
					 options) < 0)
				return EXIT_USAGE;
			break;
		case 'k':
			if (parse_key(optarg, options) < 0)
				return EXIT_USAGE;
			break;
		case 's':
			options->screen = optarg;
			break;
		case 't':
			options->trust = optarg;
			break;
		case 'S':
			options->strict = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 'h':
			print_help();
			return EXIT_SUCCESS;
		default:
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 1) {
		command_fail(optind < argc ? "one film at a time" : "which film? try dxvault play --help");
		return EXIT_USAGE;
	}
	options->file = argv[optind];
	return -1;
}

/* Said here, before anything is started; the service finds out for itself as well. */
static int check_screen(const char *folder, bool *ret_made)
{
	struct stat info;

	*ret_made = mkdir(folder, 0777) == 0;
	if (stat(folder, &info) < 0 || !S_ISDIR(info.st_mode))
		return command_fail("screen folder %s: %s", folder, errno == EEXIST ? "not a folder" : strerror(errno));
	if (access(folder, W_OK | X_OK) < 0)
		return command_fail("screen folder %s: %s", folder, strerror(errno));
	return EXIT_SUCCESS;
}

static void on_interrupt(int number)
{
	(void)number;
	play_interrupted = 1;
}

static void watch_signals(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	/* Without SA_RESTART: a wait for the presenter ends. */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* What a service that was killed, or was shown nothing, has left: files with nothing in them. */
static void remove_empty_files(const char *folder)
{
	static const char *const names[] = { "screen.framemd5", "contact-sheet.png" };
	char path[PATH_MAX];
	struct stat info;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int length = snprintf(path, sizeof(path), "%s/%s", folder, names[i]);

		if (length < PATH_MAX && lstat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0)
			(void)unlink(path);
	}
}

static int play(const struct play_options *options, struct film *film)
{
	struct play_processes processes;
	struct play_result result = { 0 };
	int code;

	if (play_processes_start(options, &processes) < 0)
		return EXIT_FAILURE;
	code = play_provide(options, film, &processes, &result);
	/* A service of this film's own leaves with its last client. */
	DxvaultDisconnect();
	if (play_processes_finish(&processes) < 0 && options->screen && code == EXIT_SUCCESS)
		code = command_fail("the service could not finish the screen's files");
	if (code != EXIT_SUCCESS && options->screen)
		remove_empty_files(options->screen);
	if (code == EXIT_INTERRUPTED)
		command_fail("interrupted after %llu frames", (unsigned long long)result.presented);
	if (code == EXIT_SUCCESS)
		play_report(options, film_info(film), &result);
	return code;
}

int play_run(int argc, char **argv)
{
	struct play_options options = { 0 };
	struct film *film = NULL;
	bool made_folder = false;
	int code;

	code = parse_options(argc, argv, &options);
	if (code >= 0)
		goto out;
	watch_signals();
	code = EXIT_FAILURE;
	if (film_open(options.file, options.keys, options.key_count, &film) != FILM_OK)
		command_fail("%s", film_error(NULL));
	else if (!options.screen || check_screen(options.screen, &made_folder) == EXIT_SUCCESS)
		code = play(&options, film);
	/* A folder that nothing was put into is not left behind. */
	if (code != EXIT_SUCCESS && made_folder)
		(void)rmdir(options.screen);
out:
	film_close(film);
	explicit_bzero(options.keys, sizeof(options.keys));
	if (fflush(stdout) != 0 && code == EXIT_SUCCESS)
		code = command_fail("standard output can't be written");
	return code;
}
