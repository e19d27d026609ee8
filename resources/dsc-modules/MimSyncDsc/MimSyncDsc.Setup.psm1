# The installation on a node that does not have the product. Never touches Windows but through the seam.
# Errors begin with MimSync.<Code>: only their text gets through the LCM.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Read', 'Prerequisite', 'Media', 'Order', 'Key') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}
$script:Text = Import-LocalizedData -UICulture 'en-US' -BaseDirectory $PSScriptRoot -FileName 'MimSyncDsc.strings.psd1' -ErrorAction Stop

$script:MsiName = 'Synchronization Service.msi'

function Install-MimSync {
    <#
    .SYNOPSIS
    Install the product on a node that does not have it.
    .DESCRIPTION
    Everything that can be checked is checked first. The media are copied to a folder of their own, judged there
    and installed from there. Returns the path of the setup log.
    .PARAMETER Parameter
    The parameters of Set-TargetResource.
    #>
    param([hashtable] $Parameter)
    $order = Get-SetupProperty -Parameter $Parameter
    $password = $Parameter['ServiceAccount']
    # What the pipe would refuse is refused before anything is touched.
    Send-Order -Writer ([System.IO.TextWriter]::Null) -Line $order, $password
    Write-Step -Message $script:Text.StepCheckNode
    Assert-Node -Parameter $Parameter -Property $order
    Assert-Database -Parameter $Parameter -Property $order
    Write-Advice -Parameter $Parameter -Property $order
    Write-Step -Message $script:Text.StepCopyMedia
    $package = Copy-Media -Parameter $Parameter
    if ($Parameter['TransformPath']) { $order['TRANSFORMS'] = $package -replace '[^\\]+$', 'mimc.mst' }
    Assert-Package -Package $package -Property $order -Trusted ([bool] $Parameter['MediaSha256'])
    # Until its keys were activated the product is not what is desired, whatever becomes of this run.
    $open = ''
    if ($Parameter['ExistingDatabase'] -eq 'Use') { $open = 'activation' }
    Set-Unfinished -What $open
    Clear-KeyRecord -Path ([string] $Parameter['KeyBackupPath'])
    Invoke-Installer -Action 'install' -Package $package -Property $order -Credential $password -TimeoutSeconds ([int] $Parameter['SetupTimeout'])
}

function Get-SetupProperty {
    <# .SYNOPSIS
    The properties for setup, from what is desired; the password stays in its credential. #>
    param([hashtable] $Parameter)
    if ($Parameter['AcceptLicense'] -ne $true) { throw $script:Text.LicenseNotAccepted }
    $credential = $Parameter['ServiceAccount']
    $managed = [string] $Parameter['ManagedServiceAccount']
    if ([bool] $credential -eq [bool] $managed) { throw $script:Text.OneAccount }
    $node = Get-NodeName
    $order = [ordered]@{ ACCEPT_EULA = '1' }
    if ($Parameter['InstallDirectory']) { $order['INSTALLDIR'] = ([string] $Parameter['InstallDirectory']).TrimEnd('\') }
    if (Test-RemoteSql -Server $Parameter['SqlServer'] -Node $node) { $order['STORESERVER'] = [string] $Parameter['SqlServer'] }
    if ($Parameter['SqlInstance'] -and $Parameter['SqlInstance'] -notin 'default', 'MSSQLSERVER') { $order['SQLINSTANCE'] = [string] $Parameter['SqlInstance'] }
    if ($Parameter['DatabaseName']) { $order['SQLDB'] = [string] $Parameter['DatabaseName'] }
    $user = $managed
    if ($credential) { $user = $credential.UserName }
    $domain, $name = Split-Account -Name $user -Node $node
    $order['SERVICEACCOUNT'] = $name
    $order['SERVICEDOMAIN'] = $domain
    if ($credential) { $order['SERVICEPASSWORD'] = $credential }
    $groups = [ordered]@{
        GROUPADMINS = 'AdministratorsGroup'; GROUPOPERATORS = 'OperatorsGroup'; GROUPACCOUNTJOINERS = 'JoinersGroup'
        GROUPBROWSE = 'BrowseGroup'; GROUPPASSWORDSET = 'PasswordResetGroup'
    }
    foreach ($property in $groups.Keys) {
        $group = [string] $Parameter[$groups[$property]]
        if (-not $group) { continue }
        $domain, $name = Split-Account -Name $group -Node $node
        # Setup wants a local group by its bare name.
        $order[$property] = $group
        if ($domain -in $node['ComputerName'], 'BUILTIN') { $order[$property] = $name }
    }
    if ($Parameter['EnableRpcFirewallRules'] -eq $true) { $order['FIREWALL_CONF'] = '1' }
    $order['SQMOPTINSETTING'] = '0'
    $order['ADDLOCAL'] = 'ALL'
    $order['REBOOT'] = 'ReallySuppress'
    foreach ($property in $order.Keys) {
        if ($order[$property] -is [string] -and $order[$property].Contains('"')) { throw $script:Text.ValueQuote -f $property }
    }
    $order
}

function Split-Account {
    # Domain and name of DOMAIN\name, .\name, name@domain or name.
    param([string] $Name, [hashtable] $Node)
    if ($Name.Contains('@') -and -not $Name.Contains('\')) {
        $sid = ConvertTo-Sid -Name $Name
        if (-not $sid) { throw $script:Text.NameUnresolved -f $Name }
        $Name = ConvertFrom-Sid -Sid $sid
    }
    $domain, $rest = $Name.Split([char[]] '\', 2)
    if (-not $rest) { $rest = $domain; $domain = '.' }
    if ($domain -eq '.') { $domain = $Node['ComputerName'] }
    $domain, $rest
}

function Assert-Database {
    # The SQL Server answers, the account may create databases, and there is such a database or none, as was said.
    param([hashtable] $Parameter, [System.Collections.IDictionary] $Property)
    $database = 'FIMSynchronizationService'
    if ($Property.Contains('SQLDB')) { $database = $Property['SQLDB'] }
    $server = Get-MimSqlServer -Server ([string] $Property['STORESERVER']) -Instance ([string] $Property['SQLINSTANCE'])
    $query = "SELECT DB_ID(@argument) AS id, IS_SRVROLEMEMBER('sysadmin') AS sysadmin"
    $answer = Get-SqlRow -Server $server -Database 'master' -Query $query -Argument $database
    if ($answer.ContainsKey('Number')) {
        $entry = Get-MimSqlReason -Answer $answer -Server $server -Database 'master' -Remote $Property.Contains('STORESERVER')
        throw $script:Text.SqlUnanswered -f ($entry.Values -join '')
    }
    if ($answer['Row']['sysadmin'] -ne 1) { throw $script:Text.SqlRights -f $server }
    $exists = $null -ne $answer['Row']['id']
    if ($Parameter['ExistingDatabase'] -ne 'Use') {
        if ($exists) { throw $script:Text.DatabaseExists -f $server, $database }
        return
    }
    if (-not $exists) { throw $script:Text.DatabaseMissing -f $server, $database }
    $key = [string] $Parameter['ExistingKeyPath']
    if (-not $key) { throw $script:Text.ExistingKeyNotNamed }
    if ($key -eq $Parameter['KeyBackupPath']) { throw $script:Text.ExistingKeyIsBackup -f $key }
    $file = Get-FileFact -Path $key
    if ($null -eq $file -or $file['Length'] -eq 0) { throw $script:Text.ExistingKeyMissing -f $key }
}

function Copy-Media {
    <# .SYNOPSIS
    Copy the media to a folder of Administrators and SYSTEM, judge the copy, and give the path of its package. #>
    param([hashtable] $Parameter)
    $root = ([string] $Parameter['SourcePath']).TrimEnd('\')
    $work = Get-WorkFolder
    $target = "$work\media\MimSync"
    New-LockedFolder -Path $work
    New-LockedFolder -Path "$work\media"
    Remove-Path -Path $target
    $image = $root
    $mounted = $false
    try {
        if ($image -like '*.iso') {
            # Only a local image can be mounted whatever the identity.
            if ($image.StartsWith('\\')) {
                $image = "$work\media\MimSync.iso"
                Copy-File -Source $root -Destination $image
            }
            $root = Mount-Image -Path $image
            $mounted = $true
        }
        $folder = @("$root", "$root\Synchronization Service" | Where-Object { Test-File -Path "$_\$script:MsiName" })
        if (-not $folder) { throw $script:Text.MediaMissing -f $script:MsiName, $Parameter['SourcePath'] }
        Copy-Folder -Source $folder[0] -Destination $target
    } finally {
        # An error in here would take the place of the one that matters.
        try {
            if ($mounted) { Dismount-Image -Path $image }
            Remove-Path -Path "$work\media\MimSync.iso"
        } catch { Write-Warning -Message ($script:Text.ImageLeft -f $image, $_.Exception.Message) }
    }
    if ($Parameter['TransformPath']) { Copy-File -Source $Parameter['TransformPath'] -Destination "$target\mimc.mst" }
    Write-Step -Message $script:Text.StepJudgeMedia
    Assert-Media -Package "$target\$script:MsiName" -Sha256 ([string] $Parameter['MediaSha256'])
    "$target\$script:MsiName"
}

function Assert-Media {
    # The pinned hash when there is one, else a valid signature of Microsoft.
    param([string] $Package, [string] $Sha256, [switch] $IsPatch)
    if ($Sha256) {
        $actual = (Get-FileFact -Path $Package)['Sha256']
        if ($actual -ne $Sha256) { throw $script:Text.MediaHash -f $actual, $Sha256 }
        return
    }
    $signature = Get-Signature -Path $Package
    if ($signature['Status'] -ne 'Valid' -or $signature['Subject'] -cnotmatch '(^|, )O=Microsoft Corporation(,|$)') {
        if ($IsPatch) { throw $script:Text.PatchSignature -f $signature['Status'], $signature['Subject'] }
        throw $script:Text.MediaSignature -f $signature['Status'], $signature['Subject']
    }
}

Export-ModuleMember -Function Install-MimSync, Get-SetupProperty, Assert-Media
