# What the installing process is told and what it answers: orders, exit codes, setup logs.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Prerequisite') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}

$script:RecordPath = 'SOFTWARE\mimc\MimSyncDsc'
$script:IdentityTimeoutSeconds = 120
$script:Doing = @{ install = 'installing'; patch = 'patching'; configure = 'reconfiguring'; remove = 'removing' }
# The last line of a setup log that may be shown: nobody writes it before the password was taken out.
$script:LogEnd = 'mimc: no password is in this log.'

# Windows Installer's exit codes: what each means here, and the next step. Text: a code may be larger than an [int].
$script:SetupFailures = @{
    '1601' = 'the Windows Installer service cannot be reached. Start the service msiserver and try again.'
    '1602' = 'setup was cancelled. Nobody should be able to: see the setup log.'
    '1603' = 'setup failed. Error 25009 there means: no sysadmin right, SQL Server not reachable, SQL client missing, or a database in a wrong state.'
    '1605' = 'Windows Installer does not know the product. Remove what is left of an earlier installation.'
    '1608' = 'setup does not know one of the properties. See the setup log.'
    '1612' = 'the source of an installed version is missing. Put the media back where it was installed from.'
    '1613' = 'this Windows Installer is too old for the package.'
    '1618' = 'another installation is running. Wait until it has ended.'
    '1619' = 'the package cannot be opened. The installing account must be able to read the media folder.'
    '1620' = 'the package is not valid. Copy the media again from the original.'
    '1622' = 'the setup log cannot be written. Look at the log folder.'
    '1624' = 'the transform cannot be applied. TransformPath must have been made for this package.'
    '1625' = 'a system policy forbids this installation. Look at the policies of Windows Installer.'
    '1633' = 'the package is not for this processor. The Synchronization Service needs 64-bit Windows.'
    '1635' = 'the patch cannot be opened.'
    '1636' = 'the patch is not valid.'
    '1638' = 'another version of the product is installed. Remove it, or patch it.'
    '1639' = 'setup did not understand its properties. Please report this as a fault of mimc.'
    '1642' = 'the patch does not fit the installed version.'
}

function Invoke-Installer {
    <#
    .SYNOPSIS
    Let Windows Installer do one thing and judge its exit code; returns the path of the log.
    .PARAMETER Action
    install (Subject is a package), patch (a patch), configure or remove (a product code).
    #>
    param([string] $Action, [string] $Subject, [System.Collections.IDictionary] $Property, [pscredential] $Credential, [int] $TimeoutSeconds)
    $folder = "$(Get-WorkFolder)\log"
    New-LockedFolder -Path (Get-WorkFolder)
    New-LockedFolder -Path $folder
    $log = "$folder\setup-$([System.DateTime]::UtcNow.ToString('yyyyMMdd-HHmmss-fff')).log"
    if (-not $TimeoutSeconds) { $TimeoutSeconds = 7200 }
    Write-Step -Message "$($script:Doing[$Action]), up to $TimeoutSeconds seconds"
    $code = Invoke-Setup -Action $Action -Subject $Subject -LogPath $log -Property $Property -Credential $Credential -TimeoutSeconds $TimeoutSeconds
    if ($code -in 3010, 1641) {
        Set-RegistryMap -Path "$script:RecordPath\RebootPending" -Value @{ SetupExitCode = $code } -Volatile
        $global:DSCMachineStatus = 1
    } elseif ($code -ne 0) {
        $text = $script:SetupFailures["$code"]
        if (-not $text) { $text = 'setup failed. See the setup log.' }
        throw "MimSync.SetupFailed: exit code ${code}: $text $(Get-LogTail -Path $log)"
    }
    $log
}

function Send-Order {
    <#
    .SYNOPSIS
    Write lines into the pipe of a child. The only function in which a password is plain text.
    .DESCRIPTION
    A dictionary becomes a property string in the grammar of Windows Installer: NAME="value", inner quotes doubled,
    one blank between. Lines travel as Base64 of UTF-8, whatever the code page of the pipe.
    .PARAMETER Line
    Text, a dictionary of properties, or a credential, which stands for its password.
    .PARAMETER Plain
    As the text itself, for a program that is not ours.
    #>
    param([System.IO.TextWriter] $Writer, [AllowNull()] [object[]] $Line, [switch] $Plain)
    foreach ($item in $Line) {
        $isProperty = $item -is [System.Collections.IDictionary]
        $values = $item
        if (-not $isProperty) { $values = [ordered]@{ '' = $item } }
        $parts = foreach ($name in $values.Keys) {
            $value = $values[$name]
            if ($value -is [System.Management.Automation.PSCredential]) {
                $value = $value.GetNetworkCredential().Password
                if (-not $value -or $value.StartsWith('-----BEGIN CMS-----')) {
                    throw 'MimSync.Undecrypted: the LCM gave a password that it could not decrypt. Is CertificateID set, and does the node have the private key of that certificate?'
                }
            }
            $value = [string] $value
            if ($value.IndexOfAny([char[]] "`0`r`n") -ge 0) { throw "MimSync.Value: the value for '$name' has a line break or a NUL." }
            if ($isProperty) {
                if ($name -cnotmatch '\A[A-Z_][A-Z0-9_.]*\z') { throw "MimSync.Value: '$name' is no public property." }
                $name + '="' + $value.Replace('"', '""') + '"'
            } else { $value }
        }
        $text = @($parts) -join ' '
        if ($text.Length -gt 32766) { throw 'MimSync.Value: the properties are longer than Windows Installer takes (32766).' }
        if (-not $Plain) { $text = [System.Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($text)) }
        $Writer.WriteLine($text)
    }
    $Writer.Flush()
}

function Invoke-Setup {
    <# .SYNOPSIS
    Install in a child process and give setup's exit code; an installer is never killed. #>
    param([string] $Action, [string] $Subject, [string] $LogPath, [System.Collections.IDictionary] $Property, [pscredential] $Credential, [int] $TimeoutSeconds)
    $child = Start-InstallerChild
    $identity = Read-ChildLine -Child $child -Prefix 'mimc:identity ' -TimeoutSeconds $script:IdentityTimeoutSeconds
    $expected = Get-CurrentSid
    if ($identity -ne $expected) {
        $child['Input'].Close()
        $why = "runs as '$identity', not as $expected"
        if (-not $identity) { $why = 'did not say who it is' }
        throw "MimSync.Installer: the installing process $why. Nothing was installed.$(Get-LastWord -Child $child)"
    }
    try { Send-Order -Writer $child['Input'] -Line $Action, $Subject, $LogPath, $script:LogEnd, $Property, $Credential }
    catch [System.IO.IOException] { Write-Verbose -Message 'the installing process has ended; what it said follows' }
    $code = Read-ChildLine -Child $child -Prefix 'mimc:exit ' -TimeoutSeconds $TimeoutSeconds
    if ($null -eq $code) {
        throw "MimSync.StillRunning: setup has not ended within $TimeoutSeconds seconds. It goes on; look at $LogPath and ask again later."
    }
    $said = Get-LastWord -Child $child
    if ($code -notmatch '\A[0-9]+\z') { throw "MimSync.SetupFailed: the installing process ended without an exit code.$said $(Get-LogTail -Path $LogPath)" }
    if ($said) { Write-Warning -Message $said.Trim() }
    [long] $code
}

function Get-LastWord {
    # What the child said last beside its answers, as a sentence to append.
    param([hashtable] $Child)
    if ($Child['Last']) { " It said: $($Child['Last'] -replace '\Amimc:error ')" }
}

function Get-LogTail {
    # The lines that end where the first action failed: there stands the real reason. Only of a log without password.
    param([string] $Path)
    $lines = @((Get-FileText -Path $Path).Split("`n") | ForEach-Object { $_.Trim() } | Where-Object { $_ })
    if ($lines -and $lines[-1] -cne $script:LogEnd) { return "The setup log $Path is not shown: it may hold the password of the service account. Read it on the node, then remove it." }
    $lines = @($lines | Where-Object { $_ -cne $script:LogEnd })
    if (-not $lines) { return "There is no setup log $Path, or it is empty." }
    $last = $lines.Count - 1
    for ($i = 0; $i -lt $lines.Count; $i++) {
        # An action that ended with 3, in whatever language: a time, and the number as the last word.
        if ($lines[$i] -match '\A(?!MSI \().*\d\d[:.]\d\d.*\b3\W?\z') { $last = $i; break }
    }
    $tail = $lines[[System.Math]::Max(0, $last - 3)..$last] -join ' / '
    if ($tail.Length -gt 2000) { $tail = $tail.Substring($tail.Length - 2000) }
    "Setup log ${Path}: $tail"
}

Export-ModuleMember -Function Invoke-Installer, Send-Order, Get-LogTail
