# A process of the site's user that puts links to root's files wherever it may write, as fast as it can.
# Arguments: how ("plant": only where nothing is; "swap": in the place of anything), a file, a folder, where to count.
use strict;
my ($how, $file, $folder, $count) = @ARGV;
my @roots = qw(/opt/shop /var/log/shop /run /var/lib/slipway /etc/shop);
my @names = qw(.whole .index .instances .gate env config code release.json current manifest.json ledger audit.jsonl
    source.git app.log app.log.1 web.log photos version app.py .slipway.aaaaaa environment);
push @names, qw(pyvenv.cfg bin lib) if $how eq "swap";
my %planted;
sub plant {
    my ($directory) = @_;
    my @there;
    if (opendir(my $handle, $directory)) { @there = grep { $_ ne "." && $_ ne ".." && !/^\.attack/ } readdir $handle; }
    my @targets = $how eq "swap" ? (@there, @names) : @names;
    for my $name (@targets) {
        my $to = rand() < 0.5 ? $file : $folder;
        if (symlink $to, "$directory/$name") { $planted{kind($directory)}++; next; }
        next if $how eq "plant" || -l "$directory/$name";
        # What was there comes back a moment later, so that work goes on far enough to meet the next link.
        my $aside = "$directory/.attack$$";
        rename "$directory/$name", $aside or next;
        symlink $to, "$directory/$name" and $planted{kind($directory)}++;
        unlink "$directory/$name";
        rename $aside, "$directory/$name";
    }
}
sub kind {
    my ($directory) = @_;
    return "code" if $directory =~ m{\.building/code};
    return "envs" if $directory =~ m{^/opt/shop/envs};
    return "shared" if $directory =~ m{^/opt/shop/shared};
    return "cache" if $directory =~ m{^/opt/shop/cache};
    return "logs" if $directory =~ m{^/var/log};
    return "run" if $directory =~ m{^/run};
    return "other $directory";
}
sub walk {
    my ($directory, $depth) = @_;
    my @stat = lstat $directory or return;
    return unless -d _;
    plant($directory) if -w $directory;
    return if $depth == 0 || !opendir(my $handle, $directory);
    my @below = grep { $_ ne "." && $_ ne ".." } readdir $handle;
    walk("$directory/$_", $depth - 1) for grep { !-l "$directory/$_" } splice @below, 0, 40;
}
while (1) {
    walk($_, 4) for @roots;
    open(my $out, ">", "$count.new") or next;
    print $out "$_ $planted{$_}\n" for sort keys %planted;
    close $out;
    rename "$count.new", $count;
}
