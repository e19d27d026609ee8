# What the module says to people. A line is a name and its text; {0} is where the first value goes, and a brace or a
# backslash of the text itself is written twice. A number that may be negative is given as text: -f knows other minus signs.
# Loaded with -UICulture en-US: without it the folders of the UI culture and its parents are looked in, on a German server
# de-DE and de. Whether en-US comes after them depends on the version and the session; in a remote session of Windows
# PowerShell 5.1 it may not. And no translation is wanted: logs, reports and tests know these very texts.
ConvertFrom-StringData -StringData @'
# The resource: MSFT_MimSyncService.psm1
StepReadBack = reading back
Verdict = {0} should be '{1}' and is '{2}'
VerdictReason = {0} should be '{1}' and is '{2}' ({3})
Unknown = MimSync.Unknown: {0}
StillThere = MimSync.Verify: setup reported success, but the product is still there. {0}
NotThere = MimSync.Verify: setup reported success, but the product is not there. {0}
HalfInstalled = MimSync.HalfInstalled: {0}. Setup would not get far: clear that up by hand first.
InstalledOtherwise = MimSync.Verify: setup succeeded, but {0}. {1}
RepairedInVain = MimSync.Repair: put right, and still not as desired: {0}. {1}
CannotSet = MimSync.CannotSet: {0}
SqlFallback = MimSync.SqlFallback: setup installed with another database than asked for: {0}. Remove the product, then try a transform (TransformPath) that sets SQLServerStore. {1}

# Before the installer starts: MimSyncDsc.Prerequisite.psm1. Pages by their names: addresses change.
SqlClient = a SQL Server client (for MIM 2016 up to SP2 get SQL Server Native Client 11 from the Microsoft Download Center, page 'Microsoft SQL Server 2012 Native Client - QFE'; for SP3 get OLE DB Driver 19 from Microsoft Learn, page 'Download Microsoft OLE DB Driver for SQL Server')
VisualCpp = the Visual C++ runtime for x64, of 2013 or of 2015-2022 (get it from Microsoft Learn, page 'Latest supported Visual C++ Redistributable downloads')
DotNet = .NET Framework 4.6 or later (get it from dotnet.microsoft.com, page 'Download .NET Framework')
PrerequisiteMissing = MimSync.Prerequisite: the node lacks {0}. Install what is missing first.
NamesUnresolved = MimSync.Unresolved: the node cannot resolve {0}. Check the names, and that the node reaches a domain controller.
NotAdministrator = MimSync.Rights: the installing account is no administrator of this node. Add it to the local Administrators, or name another one as runAs.
RebootFirst = MimSync.Reboot: setup has asked for a restart of this node. Restart it, then apply again.
InstallerBusy = MimSync.InstallerBusy: another installation is running. Wait until it has ended.
DebugPolicy = MimSync.DebugPolicy: the policy Debug of Windows Installer has bit 4 set, so that it logs passwords. Take that bit away first.
SqlPort = MimSync.SqlPort: {0} '{1}' is more than a name, and setup rolls back on a port. For a port make a SQL alias on the node (cliconfg.exe, 64-bit) and name it as SqlServer without an instance; else the server is SqlServer and the instance SqlInstance.
AdviceDotNet35 = Advice: .NET Framework 3.5 is not on this node. The upgrade page of MIM 2016 SP3 asks for it: Install-WindowsFeature NET-Framework-Core.
GroupsUnreadable = the groups of {0} cannot be read: {1}
RightsNotJudged = the user rights of {0} cannot be judged: {1}
RightsUnreadable = secedit wrote no user rights (exit code '{0}')
# Policies that should list the service account, by the right.
PolicySeDenyInteractiveLogonRight = Deny log on locally
PolicySeDenyBatchLogonRight = Deny log on as a batch job
PolicySeDenyNetworkLogonRight = Deny access to this computer from the network, but not when the account is also that of the MIM management agent or of a MIM Service elsewhere
PolicySeServiceLogonRight = Log on as a service, which setup normally grants and a domain policy may take away
AdviceRights = Advice: the service account {0} should be listed in these policies: {1}. Set them by group policy: Computer Configuration > Windows Settings > Security Settings > Local Policies > User Rights Assignment.
AdviceRightsWithoutGroups = Advice: the service account {0} should be listed in these policies: {1}. Set them by group policy: Computer Configuration > Windows Settings > Security Settings > Local Policies > User Rights Assignment. Its groups could not be read: what they are given does not count here.
LocalAdministrators = the local Administrators
AdviceGroups = Advice: the service account {0} is a member of {1}, which the service does not need. Take it out.

# The installation: MimSyncDsc.Setup.psm1
StepCheckNode = checking the node
StepCopyMedia = copying the media
StepJudgeMedia = judging the media
LicenseNotAccepted = MimSync.License: AcceptLicense must be true to install. Read the license terms, then say so in the spec.
OneAccount = MimSync.Account: exactly one of ServiceAccount and ManagedServiceAccount is needed.
ValueQuote = MimSync.Value: the value for {0} has a double quote, which no such name can have.
NameUnresolved = MimSync.Unresolved: the node cannot resolve the name {0}. Check the name, and that the node reaches a domain controller.
SqlUnanswered = MimSync.Sql: {0}. Setup runs as the account of runAs: is it set, and may it log in there?
SqlRights = MimSync.SqlRights: the installing account is no sysadmin on {0}. Setup needs that right.
DatabaseExists = MimSync.DatabaseExists: {0} already has a database {1}. Name another one; or, to go on with that one, say ExistingDatabase = Use and where its key file is (ExistingKeyPath).
DatabaseMissing = MimSync.DatabaseMissing: ExistingDatabase is Use, and {0} has no database {1}. Check the name, or restore it first.
ExistingKeyNotNamed = MimSync.ExistingKey: without the key file of the existing database (ExistingKeyPath) the service could not read what is encrypted in it.
ExistingKeyMissing = MimSync.ExistingKey: there is no key file {0}, it is empty, or the installing account cannot see it.
MediaMissing = MimSync.Media: there is no {0} in {1}, or the installing account cannot see it.
ImageLeft = {0} could not be taken away: {1}
MediaHash = MimSync.MediaHash: the package has the SHA-256 {0}, not the pinned {1}. Nothing was run.
MediaSignature = MimSync.MediaSignature: the package is not signed by Microsoft (signature {0}, signer '{1}'). Nothing was run. For media that you trust, pin MediaSha256.

# The package of the media: MimSyncDsc.Media.psm1; resources/media.py says the same
PackageRefused = MimSync.MediaPackage: {0}. Nothing was run. Name the right media as SourcePath; mimc inspect tells on any machine what a package takes. To try a package of MIM that it is wrong about, pin MediaSha256.
PackageNote = The package: {0}
Ignored = setup will ignore {0} ({1}): no table of the package mentions it
IgnoredUnlessTransform = setup would ignore {0} ({1}): no table of the package mentions it, unless the transform brings it
IgnoredButTrusted = setup may ignore {0} ({1}): no table of the package mentions it, and MediaSha256 says that this package is wanted
WouldIgnore = setup would ignore {0} ({1}): no table of the package mentions it
PackageLanguage = ProductLanguage is '{0}'; what mimc knows of setup comes from the English one, {1}
PackageOfConnect = this is the sync engine of Azure AD Connect (ProductName '{0}'), whose package has the same file name; take the one of the folder Synchronization Service on the MIM 2016 media
PackageOfPredecessor = this is FIM 2010 (ProductName '{0}'); mimc installs MIM 2016
PackageOfOther = ProductName is '{0}', not '{1}'
PackageVersion = ProductVersion is '{0}', which is no version
PackageWithoutGmsa = a group managed service account installs from {0} (SP2) on, not with {1}
PackageDefault = the default of {0} is '{1}' where mimc expects '{2}': it holds when the spec says nothing of {3}, or the same as without it
PasswordNotHidden = not in MsiHiddenProperties: {0}; Windows Installer may write the password into its log, and mimc takes it out again

# The installing process: MimSyncDsc.Order.psm1
ActionInstall = installing, up to {0} seconds
ActionPatch = patching, up to {0} seconds
ActionConfigure = reconfiguring, up to {0} seconds
ActionRemove = removing, up to {0} seconds
Undecrypted = MimSync.Undecrypted: the LCM gave a password that it could not decrypt. Is CertificateID set, and does the node have the private key of that certificate?
ValueLineBreak = MimSync.Value: the value for '{0}' has a line break or a NUL.
PropertyName = MimSync.Value: '{0}' is no public property.
PropertiesTooLong = MimSync.Value: the properties are longer than Windows Installer takes (32766).
InstallerIdentity = MimSync.Installer: the installing process runs as '{0}', not as {1}. Nothing was installed.{2}
InstallerSilent = MimSync.Installer: the installing process did not say who it is. Nothing was installed.{0}
InstallerEnded = the installing process has ended; what it said follows
StillRunning = MimSync.StillRunning: setup has not ended within {0} seconds. It goes on; look at {1} and ask again later.
NoExitCode = MimSync.SetupFailed: the installing process ended without an exit code.{0} {1}
LastWord = It said: {0}
LogNotShown = The setup log {0} is not shown: it may hold the password of the service account. Read it on the node, then remove it.
LogMissing = There is no setup log {0}, or it is empty.
LogTail = Setup log {0}: {1}
SetupFailed = MimSync.SetupFailed: exit code {0}: {1} {2}
# Windows Installer's exit codes: what each means here, and the next step.
Exit1601 = the Windows Installer service cannot be reached. Start the service msiserver and try again.
Exit1602 = setup was cancelled. Nobody should be able to: see the setup log.
Exit1603 = setup failed. Error 25009 there means: no sysadmin right, SQL Server not reachable, SQL client missing, or a database in a wrong state.
Exit1605 = Windows Installer does not know the product. Remove what is left of an earlier installation.
Exit1608 = setup does not know one of the properties. See the setup log.
Exit1612 = the source of an installed version is missing. Put the media back where it was installed from.
Exit1613 = this Windows Installer is too old for the package.
Exit1618 = another installation is running. Wait until it has ended.
Exit1619 = the package cannot be opened. The installing account must be able to read the media folder.
Exit1620 = the package is not valid. Copy the media again from the original.
Exit1622 = the setup log cannot be written. Look at the log folder.
Exit1624 = the transform cannot be applied. TransformPath must have been made for this package.
Exit1625 = a system policy forbids this installation. Look at the policies of Windows Installer.
Exit1633 = the package is not for this processor. The Synchronization Service needs 64-bit Windows.
Exit1635 = the patch cannot be opened.
Exit1636 = the patch is not valid.
Exit1638 = another version of the product is installed. Remove it, or patch it.
Exit1639 = setup did not understand its properties. Please report this as a fault of mimc.
Exit1642 = the patch does not fit the installed version.
OtherExitCode = setup failed. See the setup log.

# Repairs and removal: MimSyncDsc.Repair.psm1
StepJudgePatch = judging the patch
StepExportKeys = exporting the keys
StepActivateKeys = activating the keys of the existing database
KeyBeforeAccount = MimSync.Key: the service account is to be changed, and {0} is not a key file that was exported here as the present one. Move that file away and apply once with the present account, then with the new one.
KeyBeforeChange = MimSync.Key: patches and settings are only applied after the keys were exported: KeyBackupPath is needed.
ActivationPending = MimSync.Activate: the product was installed over an existing database, whose key file was not activated yet. Say where it is: ExistingKeyPath.
ExistingKeyIsBackup = MimSync.Key: {0} is both the key file of the existing database and the place of the backup, and would be written over. Name another place as KeyBackupPath.
KeyBeforeRemoval = MimSync.Key: the product is only removed after its keys were exported: KeyBackupPath is needed.
KeyInRemovedFolder = MimSync.Key: {0} lies in the folder that is going to be removed. Name another place as KeyBackupPath.
KeyNotExported = MimSync.Key: miiskmu gave no key file (exit code '{0}'): is the password that of the service account now? What was in {1} is still there. A product whose keys are safe elsewhere can be removed by hand.
KeyNotCopied = MimSync.Key: {0} does not hold what was exported.
KeyNotActivated = MimSync.Activate: the product is installed, and miisactivate did not take the key file {0} (exit code '{1}'; -2145188797 is 0x80230443: the database is of another version than the product). Name the right file and apply again; or activate it by hand, start the service, and remove the key HKLM:/SOFTWARE/mimc/MimSyncDsc/Unfinished.
KeyNeedsAccount = MimSync.Key: the tools for the keys need ServiceAccount or ManagedServiceAccount.
AccountQuote = MimSync.Value: the name of the service account has a double quote.
KeyToolEnded = the tool did not wait for the password; its exit code tells why
PatchMissing = MimSync.Patch: there is no patch {0}, or the installing account cannot see it.
PatchSignature = MimSync.PatchSignature: the patch is not signed by Microsoft (signature {0}, signer '{1}'). Nothing was run. Copy it again from where Microsoft offers it.
ConfigurationReplaced = setup has replaced {0}; the one from before is {1}. Carry over what was set there.
GmsaNeedsPatch = MimSync.Account: a group managed service account needs {0} at least, and {1} is installed. Patch it first.
GroupUnknown = MimSync.Group: setup would reset {0}, which the document does not state, and its present group cannot be named. State it.
Moved = MimSync.Moved: setup was told where product and database are, and has them elsewhere now. Before: {0}. After: {1}. Stop the service and put that right in the registry, then apply again. {2}
ServiceNotRunning = MimSync.Service: setup has ended, and the service is '{0}'. If its account cannot read the keys, run miisactivate.exe with {1}; then apply again. {2}
ServiceNotStarted = the service could not be started: {0}
PatchOfSp3 = MimSync.Patch: the patch that brings SP3 is no ordinary one (Microsoft Learn has its steps). Apply it by hand.
NoInstallPath = MimSync.Path: the registry does not tell where the product is installed (value Path). Repair the installation first.
'@
